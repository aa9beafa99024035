// The decoder of a Wan autoencoder alone, with the weights and latents that bench/wan_decode.py wrote. The script runs
// diffusers' decoder on the same and compares.
//
//   wan-decode FILE [--threads N] [--dtype f32|bf16] [--residual] [--width N] [--latent-channels N] [--out PICTURES]
//
// Prints "decode WALL_SECONDS CPU_SECONDS PEAK_BYTES" of one pass. The peak is that of tensors, without the weights.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <fstream>

#include "gpu/torch/cpu_allocator.h"
#include "gpu/torch/wan/autoencoder.h"
#include "models/safetensors.h"

namespace {

using namespace framemill;

struct Choices {
  std::string file, out, dtype = "f32";
  int threads = 1;
  models::WanAutoencoderConfig config;
};

// In place: the file is mapped.
at::Tensor tensor_of(const models::TensorView& view) {
  return at::from_blob(const_cast<char*>(view.bytes.data()), view.shape,
                       view.dtype == models::Dtype::BF16 ? at::kBFloat16 : at::kFloat);
}

base::Status run(const Choices& choices) {
  gpu::install_cpu_allocator();
  at::set_num_threads(choices.threads);
  FM_ASSIGN(const auto file, models::SafetensorsFile::map(choices.file));
  gpu::Parameters parameters;
  for (const auto& [name, view] : file.tensors()) parameters.set(name, tensor_of(view));
  const at::Tensor latents = parameters["latents"].to(at::kFloat);
  std::ofstream out(choices.out, std::ios::binary);
  gpu::reset_cpu_peak();
  const std::uint64_t before = gpu::cpu_memory().current_bytes;
  const auto started = std::chrono::steady_clock::now();
  const std::clock_t cpu_started = std::clock();
  gpu::wan_decode(parameters, choices.config, latents, choices.dtype == "bf16" ? at::kBFloat16 : at::kFloat,
                  [&](const at::Tensor& pictures) {  // [1, 3, T, H, W] in frames of [3, H, W]
                    const at::Tensor frames = pictures.transpose(1, 2).contiguous();
                    out.write(static_cast<const char*>(frames.const_data_ptr()),
                              static_cast<std::streamsize>(frames.nbytes()));
                  });
  const double cpu = static_cast<double>(std::clock() - cpu_started) / CLOCKS_PER_SEC;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started;
  fmt::print("decode {:.3f} {:.3f} {}\n", wall.count(), cpu, gpu::cpu_memory().peak_bytes - before);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Seconds of a Wan decoder alone"};
  Choices choices;
  app.add_option("FILE", choices.file)->required();
  app.add_option("--threads", choices.threads)->check(CLI::Range(1, 64));
  app.add_option("--dtype", choices.dtype)->check(CLI::IsMember({"f32", "bf16"}));
  app.add_flag("--residual", choices.config.is_residual, "the form of 2.2 5B, with patches of 2 x 2");
  app.add_option("--width", choices.config.base_dim, "base_dim of the decoder")->check(CLI::Range(1, 1024));
  app.add_option("--latent-channels", choices.config.z_dim)->check(CLI::Range(1, 256));
  app.add_option("--out", choices.out, "raw float32 frames, 3 x height x width each");
  CLI11_PARSE(app, argc, argv);
  if (choices.config.is_residual) choices.config.patch_size = 2;
  const base::Status done = run(choices);
  if (done.ok()) return 0;
  fmt::print(stderr, "wan-decode: {}: {}\n", done.error().code, done.error().message);
  return 1;
}
