// What the farm is measured against: the same model, the same windows, the same files, without a farm. One process, a
// fixed number of threads and one batch size; denoise, latents file, decode, frame files, fsync; nothing overlaps.
//
//   bare-loop PACKAGE DIRECTORY --threads N --batch N --windows N [--steps N] [--first-window N]
//
// Prints "frames SECONDS FRAMES" after a warm-up window that is not counted.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>

#include "gpu/torch/load/load_generator.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/staged_file.h"

namespace {

using namespace framemill;

struct Choices {
  std::string package, directory, prompt = "sea at dusk, red boat moving left";
  int threads = 1, batch = 1, windows = 8, steps = 0, first_window = 0;
};

base::Status write_window(const std::filesystem::path& directory, int window, const gpu::LatentBlock& latents,
                          const gpu::ImageBlock& images) {
  FM_ASSIGN(auto staged, frames::StagedDirectory::make(directory, static_cast<std::uint32_t>(window)));
  FM_TRY(staged.write("latents.safetensors", gpu::to_bytes(latents, gpu::CarryDtype::F32)));
  for (int i = 0; i < images.frames; ++i) {
    const frames::Picture picture{images.width, images.height, frames::ColourSpace::Srgb,
                                  gpu::slice_frames(images, i, 1).values};
    FM_ASSIGN(const auto file, frames::encode_frame(picture, jobs::FrameFormat::Exr, {}));
    FM_TRY(staged.write(fmt::format("frame.{:04}.exr", window * images.frames + i), file.bytes));
  }
  return staged.sync();
}

base::Status make_batch(gpu::Generator& generator, const Choices& choices, int first, int count) {
  std::vector<std::unique_ptr<gpu::Window>> windows;
  std::vector<gpu::Window*> batch;
  for (int w = first; w < first + count; ++w) {
    gpu::WindowRequest request;
    request.prompt = choices.prompt;
    request.seed = 1;
    request.steps = choices.steps;
    request.first_frame = std::int64_t{w} * generator.window_frames();
    FM_ASSIGN(auto window, generator.begin(request));
    batch.push_back(window.get());
    windows.push_back(std::move(window));
  }
  while (!batch.front()->done()) FM_TRY(generator.step(batch));
  std::vector<gpu::LatentBlock> latents;
  for (gpu::Window* window : batch) {
    FM_ASSIGN(auto block, generator.finish(*window));
    latents.push_back(std::move(block));
  }
  std::vector<const gpu::LatentBlock*> blocks;
  for (const gpu::LatentBlock& block : latents) blocks.push_back(&block);
  FM_ASSIGN(const auto images, generator.decode(blocks));
  for (int i = 0; i < count; ++i) FM_TRY(write_window(choices.directory, first + i, latents[i], images[i]));
  return {};
}

base::Status run(const Choices& choices) {
  std::filesystem::create_directories(choices.directory);
  gpu::DeviceSpec device;
  device.threads = choices.threads;
  FM_ASSIGN(const auto generator, gpu::load_torch_generator(choices.package, device));
  FM_TRY(make_batch(*generator, choices, choices.first_window + choices.windows, 1));
  const auto started = std::chrono::steady_clock::now();
  for (int w = 0; w < choices.windows; w += choices.batch)
    FM_TRY(make_batch(*generator, choices, choices.first_window + w, std::min(choices.batch, choices.windows - w)));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started;
  fmt::print("frames {:.3f} {}\n", spent.count(), choices.windows * generator->window_frames());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Frames per second of the model alone"};
  Choices choices;
  app.add_option("PACKAGE", choices.package)->required();
  app.add_option("DIRECTORY", choices.directory)->required();
  app.add_option("--prompt", choices.prompt);
  app.add_option("--threads", choices.threads)->check(CLI::Range(1, 64));
  app.add_option("--batch", choices.batch)->check(CLI::Range(1, 64));
  app.add_option("--windows", choices.windows)->check(CLI::Range(1, 100'000));
  app.add_option("--steps", choices.steps);
  app.add_option("--first-window", choices.first_window);
  CLI11_PARSE(app, argc, argv);
  const base::Status done = run(choices);
  if (done.ok()) return 0;
  fmt::print(stderr, "bare-loop: {}: {}\n", done.error().code, done.error().message);
  return 1;
}
