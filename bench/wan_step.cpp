// One call of the Wan transformer, to be timed beside diffusers': bench/wan_step.py writes the weights and
// inputs and drives both.
//
//   wan-step FILE.safetensors --threads N --compute f32|bf16
//
// The file has the weights, the inputs as "inputs.latents", "inputs.level" and "inputs.text", and the sizes in its
// metadata. For each line that is read it makes a call and prints "SECONDS CPU_SECONDS MEAN", the last being the mean
// of the absolute values of the result.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <iostream>
#include <string>

#include "gpu/torch/wan/transformer.h"
#include "models/safetensors.h"

namespace {

using namespace framemill;

at::Tensor tensor_over(const models::TensorView& view) {
  const at::ScalarType type = view.dtype == models::Dtype::BF16 ? at::kBFloat16 : at::kFloat;
  return at::from_blob(const_cast<char*>(view.bytes.data()), view.shape, at::TensorOptions(type));
}

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

base::Status run(const std::string& path, at::ScalarType compute) {
  FM_ASSIGN(const auto file, models::SafetensorsFile::map(path));
  models::WanTransformerConfig config;
  const auto size_of = [&](const char* name) { return std::stoi(file.metadata().at(name)); };
  config.heads = size_of("heads"), config.layers = size_of("layers"), config.ffn_dim = size_of("ffn_dim");
  gpu::Parameters weights;
  for (const auto& [name, view] : file.tensors()) weights.set(name, tensor_over(view));
  const gpu::WanInputs inputs{
      weights["inputs.latents"], weights["inputs.level"], weights["inputs.text"], {}, {}, {}, {}};
  for (std::string line; std::getline(std::cin, line);) {
    const auto started = std::chrono::steady_clock::now();
    const double cpu_started = cpu_seconds();
    const at::Tensor result = gpu::wan_predict(weights, config, inputs, compute);
    const double cpu = cpu_seconds() - cpu_started;
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started;
    fmt::print("{:.4f} {:.4f} {:.6f}\n", spent.count(), cpu, result.abs().mean().item<double>());
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::string path, compute = "f32";
  int threads = 1;
  CLI::App app("one call of the Wan transformer per line of input");
  app.add_option("FILE", path)->required();
  app.add_option("--threads", threads)->check(CLI::Range(1, 256));
  app.add_option("--compute", compute)->check(CLI::IsMember({"f32", "bf16"}));
  CLI11_PARSE(app, argc, argv);
  at::set_num_threads(threads);
  const base::Status status = run(path, compute == "bf16" ? at::kBFloat16 : at::kFloat);
  if (status.ok()) return 0;
  fmt::print(stderr, "wan-step: {}\n", status.error().message);
  return 1;
}
