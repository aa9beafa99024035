#include "tests/support/fake_engine.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <thread>

#include "gpu/noise.h"

namespace framemill::tests {
namespace {

constexpr int kChannels = 2, kLatentExtent = 2, kPictureExtent = 8;

class FakeWindow final : public gpu::Window {
 public:
  explicit FakeWindow(gpu::WindowRequest r) : request(std::move(r)) {}
  int step() const override { return done_steps; }
  int steps() const override { return request.steps; }
  gpu::WindowRequest request;
  gpu::LatentBlock latents;
  int done_steps = 0;
};

// Two pictures at a time.
class FakeDecoding final : public gpu::Decoding {
 public:
  explicit FakeDecoding(gpu::ImageBlock window) : window_(std::move(window)) {}
  int frames_done() const override { return done_; }
  int frames() const override { return window_.frames; }
  gpu::ImageBlock next() {
    const int count = std::min(2, window_.frames - done_);
    done_ += count;
    return gpu::slice_frames(window_, done_ - count, count);
  }

 private:
  const gpu::ImageBlock window_;
  int done_ = 0;
};

class FakeGenerator final : public gpu::Generator {
 public:
  FakeGenerator(std::string id, const gpu::DeviceSpec& device) : id_(std::move(id)), device_(device) {}

  std::string name() const override { return id_; }
  std::string root_digest() const override { return base::sha256(id_).hex(); }
  std::string device_class() const override { return FakeEngine().device_class(device_); }
  int window_frames() const override { return kFakeWindowFrames; }
  int batch_max() const override { return 8; }
  int context_frames() const override { return kFakeContextFrames; }
  int width() const override { return kPictureExtent; }
  int height() const override { return kPictureExtent; }

  base::Result<std::unique_ptr<gpu::Window>> begin(const gpu::WindowRequest& request) override {
    if (request.prompt == "unknown")
      return base::Error{"prompt.unknown_word", "'unknown' is not in the vocabulary", "prompt", ""};
    auto window = std::make_unique<FakeWindow>(request);
    const auto cells = [](int pixels) { return pixels == 0 ? kLatentExtent : pixels * kLatentExtent / kPictureExtent; };
    window->latents = {request.frames, kChannels, cells(request.height), cells(request.width), {}};
    window->latents.values.resize(request.frames * window->latents.frame_size());
    const std::size_t size = window->latents.frame_size();
    for (int i = 0; i < request.frames; ++i)
      gpu::fill_normals({request.seed, request.first_frame + i, gpu::NoiseStream::Latent, 0},
                        std::span(window->latents.values).subspan(i * size, size));
    const auto& clean = request.clean_latents.values;
    std::copy(clean.begin(), clean.end(), window->latents.values.begin());
    return std::unique_ptr<gpu::Window>(std::move(window));
  }

  gpu::BatchKey batch_key(const gpu::Window& window) const override {
    return {std::to_string(static_cast<const FakeWindow&>(window).request.frames)};
  }

  base::Status step(std::span<gpu::Window* const> batch) override {
    for (gpu::Window* w : batch) {
      const auto& prompt = static_cast<FakeWindow*>(w)->request.prompt;
      if (prompt == "oom" && batch.size() >= kFakeOomBatch)
        return base::Error{"gpu.out_of_memory", "too many windows for a fake", "", ""};
      if (prompt == "oom always") return base::Error{"gpu.out_of_memory", "not even one", "", ""};
      if (prompt == "crash") std::abort();
      if (prompt == "hang") std::this_thread::sleep_for(std::chrono::hours(1));
      if (prompt == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
    peak_ = 40 + 10 * batch.size();
    for (gpu::Window* w : batch) advance(static_cast<FakeWindow&>(*w));
    return {};
  }

  base::Result<gpu::LatentBlock> finish(gpu::Window& window) override {
    return static_cast<FakeWindow&>(window).latents;
  }

  base::Result<std::unique_ptr<gpu::Decoding>> begin_decode(const gpu::LatentBlock& block) override {
    return std::unique_ptr<gpu::Decoding>(std::make_unique<FakeDecoding>(picture_of(block)));
  }
  base::Result<std::vector<gpu::ImageBlock>> decode_next(std::span<gpu::Decoding* const> batch) override {
    std::vector<gpu::ImageBlock> pieces;
    for (gpu::Decoding* decoding : batch) {
      if (id_.starts_with("hangs") && decoding->frames_done() > 0) std::this_thread::sleep_for(std::chrono::hours(1));
      pieces.push_back(static_cast<FakeDecoding*>(decoding)->next());
    }
    return pieces;
  }
  base::Result<gpu::LatentBlock> encode(const gpu::ImageBlock& images) override {
    gpu::LatentBlock block{images.frames, kChannels, kLatentExtent, kLatentExtent, {}};
    for (int i = 0; i < images.frames; ++i)
      for (std::size_t k = 0; k < block.frame_size(); ++k)
        block.values.push_back(images.values[i * images.frame_size() + k * 7] * 4 - 2);
    return block;
  }

  std::uint64_t predicted_step_bytes(const gpu::WindowShape&, int windows) const override {
    return static_cast<std::uint64_t>(windows) * 10;
  }
  std::uint64_t predicted_decode_bytes(const gpu::WindowShape&, int windows) const override {
    return static_cast<std::uint64_t>(windows) * 10;
  }
  gpu::MemoryFigures memory() const override {
    return {id_.starts_with("big") ? 60u : 40u, 40, peak_, device_.memory_budget_bytes};
  }
  void reset_peak() override { peak_ = 0; }

 private:
  // Every value moves towards a mixture of the prompt, its own place and the frame before it.
  static void advance(FakeWindow& window) {
    const std::size_t first = window.request.clean_latents.values.size(), size = window.latents.frame_size();
    auto& values = window.latents.values;
    float tint = 0;
    for (const char c : window.request.prompt) tint = tint * 0.5f + static_cast<float>(c) / 256.0f;
    for (std::size_t i = first; i < values.size(); ++i)
      values[i] = 0.7f * values[i] + 0.2f * (i >= size ? values[i - size] : tint) + 0.1f * tint;
    if (window.request.prompt == "nan") values[first] = std::numeric_limits<float>::quiet_NaN();
    if (window.request.prompt == "black") std::fill(values.begin(), values.end(), -1000.0f);
    if (window.request.prompt == "frozen") std::fill(values.begin(), values.end(), 0.25f);
    ++window.done_steps;
  }

  static gpu::ImageBlock picture_of(const gpu::LatentBlock& block) {
    constexpr int kRatio = kPictureExtent / kLatentExtent;
    gpu::ImageBlock window{block.frames, block.height * kRatio, block.width * kRatio, {}};
    for (int f = 0; f < block.frames; ++f)
      for (std::size_t k = 0; k < window.frame_size(); ++k)
        window.values.push_back(
            std::clamp(0.5f + block.values[f * block.frame_size() + k % block.frame_size()] / 4, 0.0f, 1.0f));
    return window;
  }

  const std::string id_;
  const gpu::DeviceSpec device_;
  std::uint64_t peak_ = 0;
};

}  // namespace

base::Result<worker::FoundPackage> FakeEngine::find(const std::vector<std::filesystem::path>& directories,
                                                    const std::string& id) {
  if (id.starts_with("damaged")) return base::Error{"file.open", "open weights: No such file or directory", "", ""};
  if (id.starts_with("missing")) return base::Error{"model.not_found", "no directory holds " + id, "", ""};
  worker::FoundPackage found;
  found.directory = directories.empty() ? std::filesystem::path(id) : directories.front() / id;
  jobs::PackageFacts& facts = found.facts;
  facts.name = id.substr(0, id.find('@'));
  facts.version = id.substr(id.find('@') + 1);
  facts.root_digest = base::sha256(id);
  facts.window_frames = kFakeWindowFrames;
  facts.context_frames = kFakeContextFrames;
  facts.width = facts.height = kPictureExtent;
  facts.colour_space = "srgb";
  facts.cpu_memory = {id.starts_with("big") ? 60u : 40u, 10, 0};
  facts.batch_max = 8;
  return found;
}

base::Result<std::unique_ptr<gpu::Generator>> FakeEngine::load(const std::filesystem::path& package_directory,
                                                               const gpu::DeviceSpec& device,
                                                               const gpu::GeneratorHooks&) {
  return std::unique_ptr<gpu::Generator>(
      std::make_unique<FakeGenerator>(package_directory.filename().string(), device));
}

std::string FakeEngine::device_class(const gpu::DeviceSpec& device) {
  return "fake threads=" + std::to_string(device.threads);
}

}  // namespace framemill::tests
