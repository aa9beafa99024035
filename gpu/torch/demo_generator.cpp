#include "gpu/torch/demo_generator.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "gpu/memory_ledger.h"
#include "gpu/noise.h"
#include "gpu/torch/autoencoder.h"
#include "gpu/torch/device.h"
#include "gpu/torch/guarded.h"
#include "gpu/torch/sampler.h"
#include "gpu/torch/tensor_blocks.h"
#include "gpu/torch/transformer.h"
#include "models/weights.h"

namespace framemill::gpu {
namespace {

base::Error bad_latents(std::string reason) {
  return {"gpu.latent_shape", std::move(reason), "", ""};
}

class TorchWindow final : public Window {
 public:
  TorchWindow(Trajectory trajectory, const WindowRequest& request)
      : trajectory_(std::move(trajectory)), clean_frames_(request.clean_frames), clean_latents_(request.clean_latents) {
  }

  int step() const override { return trajectory_.step; }
  int steps() const override { return trajectory_.steps; }
  Trajectory& trajectory() { return trajectory_; }
  const Trajectory& trajectory() const { return trajectory_; }
  const std::vector<int>& clean_frames() const { return clean_frames_; }
  const LatentBlock& clean_latents() const { return clean_latents_; }

 private:
  Trajectory trajectory_;
  std::vector<int> clean_frames_;
  LatentBlock clean_latents_;
};

// A window of these small pictures is decoded in one piece.
class WholeDecoding final : public Decoding {
 public:
  explicit WholeDecoding(LatentBlock block) : block_(std::move(block)) {}
  int frames_done() const override { return done_ ? block_.frames : 0; }
  int frames() const override { return block_.frames; }
  const LatentBlock& block() const { return block_; }
  void finish() { done_ = true; }

 private:
  const LatentBlock block_;
  bool done_ = false;
};

class TorchGenerator final : public Generator {
 public:
  TorchGenerator(models::Package package, const DeviceSpec& spec, at::Device device, Parameters autoencoder,
                 Parameters transformer)
      : package_(std::move(package)), spec_(spec), device_(device), autoencoder_(std::move(autoencoder)),
        transformer_(std::move(transformer)),
        ledger_(spec.kind == DeviceKind::Cpu ? models::facts(package_).cpu_memory
                                             : models::facts(package_).cuda_memory) {
    ledger_.on_loaded(resident_bytes());
  }

  std::string name() const override { return package_.manifest.id(); }
  std::string root_digest() const override { return package_.root_digest.hex(); }
  std::string device_class() const override { return describe_device(spec_); }
  int window_frames() const override { return shape().window_frames; }
  int batch_max() const override {
    return device_.is_cpu() ? package_.manifest.batch_max_cpu : package_.manifest.batch_max;
  }
  int context_frames() const override {
    return static_cast<int>(package_.manifest.time_ratio.latents(package_.manifest.context_frames));
  }
  int width() const override { return shape().image_width; }
  int height() const override { return shape().image_height; }

  base::Result<std::unique_ptr<Window>> begin(const WindowRequest& request) override;
  BatchKey batch_key(const Window& window) const override;
  base::Status step(std::span<Window* const> batch) override;
  base::Result<LatentBlock> finish(Window& window) override;
  base::Result<std::unique_ptr<Decoding>> begin_decode(const LatentBlock& block) override;
  base::Result<std::vector<ImageBlock>> decode_next(std::span<Decoding* const> batch) override;
  base::Result<LatentBlock> encode(const ImageBlock& images) override;

  std::uint64_t predicted_step_bytes(const WindowShape&, int windows) const override {
    return ledger_.batch_bytes(static_cast<std::uint32_t>(std::max(1, windows)));
  }
  std::uint64_t predicted_decode_bytes(const WindowShape& window, int windows) const override {
    // Three copies of the widest activation: the decoder's last, at full size.
    const models::NetworkShape& s = shape();
    const auto pixels = static_cast<std::uint64_t>(s.image_width) * static_cast<std::uint64_t>(s.image_height);
    const int frames = std::max(1, windows) * (window.frames > 0 ? window.frames : s.window_frames);
    return static_cast<std::uint64_t>(frames) * pixels * static_cast<std::uint64_t>(s.decoder_fine_width + 3) *
           sizeof(float) * 3;
  }
  MemoryFigures memory() const override {
    MemoryFigures figures = device_memory(device_);
    figures.resident_bytes = resident_bytes();
    return figures;
  }
  void reset_peak() override { reset_device_peak(device_); }

 private:
  const models::NetworkShape& shape() const { return package_.manifest.network(); }
  std::uint64_t resident_bytes() const { return autoencoder_.bytes() + transformer_.bytes(); }
  base::Status check_block(const LatentBlock& block, int frames) const;
  base::Status check_request(const WindowRequest& request, int frames) const;
  base::Result<at::Tensor> conditions(const WindowRequest& request, bool guided) const;
  at::Tensor starting_noise(const WindowRequest& request, int frames) const;

  models::Package package_;
  DeviceSpec spec_;
  at::Device device_;
  Parameters autoencoder_, transformer_;
  MemoryLedger ledger_;
};

base::Status TorchGenerator::check_block(const LatentBlock& block, int frames) const {
  const models::NetworkShape& s = shape();
  if (!block.consistent() || block.frames != frames || block.channels != s.latent_channels ||
      block.height != s.latent_height() || block.width != s.latent_width())
    return bad_latents(fmt::format("latents are {}x{}x{}x{}; wanted are {}x{}x{}x{}", block.frames, block.channels,
                                   block.height, block.width, frames, s.latent_channels, s.latent_height(),
                                   s.latent_width()));
  return {};
}

base::Status TorchGenerator::check_request(const WindowRequest& request, int frames) const {
  const models::Manifest& m = package_.manifest;
  const auto out_of_range = [](const char* code, const char* field, const std::string& range) {
    return base::Error{code, std::string(field) + " is " + range, field, ""};
  };
  if (request.steps < 0 || request.steps > m.steps_max)
    return out_of_range("model.steps", "steps", fmt::format("1 to {}", m.steps_max));
  if (request.guidance && !(*request.guidance >= 0.0f && *request.guidance <= m.guidance_max))
    return out_of_range("model.guidance", "guidance", fmt::format("0 to {}", m.guidance_max));
  if (frames < 1 || frames > shape().window_frames)
    return out_of_range("model.frames", "frames", fmt::format("1 to {}", shape().window_frames));
  if ((request.width != 0 && request.width != width()) || (request.height != 0 && request.height != height()))
    return out_of_range("model.size", "size", fmt::format("{}x{} alone", width(), height()));
  for (std::size_t i = 0; i < request.clean_frames.size(); ++i) {
    const int frame = request.clean_frames[i];
    if (frame < 0 || frame >= frames || (i > 0 && frame <= request.clean_frames[i - 1]))
      return bad_latents("clean frames are ascending and inside the window");
  }
  if (!request.clean_frames.empty())
    FM_TRY(check_block(request.clean_latents, static_cast<int>(request.clean_frames.size())));
  if (request.mask) {
    FM_TRY(check_block(request.mask->latents, frames));
    const auto cells = static_cast<std::size_t>(frames) * static_cast<std::size_t>(shape().latent_height()) *
                       static_cast<std::size_t>(shape().latent_width());
    if (request.mask->known.size() != cells) return bad_latents("a mask has one entry per latent cell");
  }
  return {};
}

base::Result<at::Tensor> TorchGenerator::conditions(const WindowRequest& request, bool guided) const {
  using models::PromptUse;
  FM_ASSIGN(const models::Condition positive, models::parse_prompt(package_.vocabulary, request.prompt));
  FM_ASSIGN(const models::Condition negative,
            models::parse_prompt(package_.vocabulary, request.negative_prompt, PromptUse::Negative));
  const auto row = [](const models::Condition& condition) {
    at::Tensor tensor = at::empty({static_cast<std::int64_t>(condition.indices.size())}, at::kLong);
    std::copy(condition.indices.begin(), condition.indices.end(), tensor.mutable_data_ptr<std::int64_t>());
    return tensor;
  };
  std::vector<at::Tensor> rows{row(positive)};
  if (guided) rows.push_back(row(negative));
  return at::stack(rows).to(device_);
}

at::Tensor TorchGenerator::starting_noise(const WindowRequest& request, int frames) const {
  const models::NetworkShape& s = shape();
  at::Tensor noise = at::empty({frames, s.latent_channels, s.latent_height(), s.latent_width()}, at::kFloat);
  const auto frame_size = static_cast<std::size_t>(noise[0].numel());
  for (int i = 0; i < frames; ++i) {
    NoiseKey key;
    key.seed = request.seed;
    key.frame = request.first_frame + i;
    fill_normals(key, {noise.mutable_data_ptr<float>() + static_cast<std::size_t>(i) * frame_size, frame_size});
  }
  return noise.to(device_);
}

base::Result<std::unique_ptr<Window>> TorchGenerator::begin(const WindowRequest& request) {
  const int frames = request.frames > 0 ? request.frames : shape().window_frames;
  FM_TRY(check_request(request, frames));
  return guarded("begin a window", [&]() -> base::Result<std::unique_ptr<Window>> {
    Trajectory t;
    t.steps = request.steps > 0 ? request.steps : package_.manifest.default_steps;
    t.guidance = request.guidance ? static_cast<double>(*request.guidance) : package_.manifest.default_guidance;
    t.guidance_min_level = package_.manifest.guidance_min_level;
    t.guidance_rescale = package_.manifest.guidance_rescale;
    t.shift = package_.manifest.noise_shift;
    t.guided = t.guidance != 1.0;
    FM_ASSIGN(t.condition, conditions(request, t.guided));
    t.noise = starting_noise(request, frames);
    t.latents = t.noise.clone();
    t.clean = at::zeros({frames}, at::kBool);
    if (!request.clean_frames.empty()) {
      at::Tensor given = at::zeros(t.latents.sizes(), at::kFloat);
      const at::Tensor values = tensor_of(request.clean_latents);
      for (std::size_t i = 0; i < request.clean_frames.size(); ++i) {
        t.clean[request.clean_frames[i]].fill_(true);
        given[request.clean_frames[i]].copy_(values[static_cast<std::int64_t>(i)]);
      }
      t.given = given.to(device_);
    }
    t.clean = t.clean.to(device_);
    if (request.mask) {
      const std::vector<std::uint8_t>& known = request.mask->known;
      at::Tensor region = at::empty({frames, 1, t.latents.size(2), t.latents.size(3)}, at::kByte);
      std::copy(known.begin(), known.end(), region.mutable_data_ptr<std::uint8_t>());
      t.region = region.ne(0).to(device_);
      t.region_latents = tensor_of(request.mask->latents).to(device_);
    }
    impose_known(t);
    return std::unique_ptr<Window>(std::make_unique<TorchWindow>(std::move(t), request));
  });
}

BatchKey TorchGenerator::batch_key(const Window& window) const {
  const Trajectory& t = static_cast<const TorchWindow&>(window).trajectory();
  return {root_digest() + "/" + std::to_string(t.latents.size(0)) + (t.guided ? "/guided" : "/plain")};
}

base::Status TorchGenerator::step(std::span<Window* const> batch) {
  FM_CHECK(!batch.empty(), "a step of no windows");
  std::vector<Trajectory*> trajectories;
  for (Window* window : batch) {
    FM_CHECK(!window->done() && batch_key(*window) == batch_key(*batch.front()), "a batch of windows that do not fit");
    trajectories.push_back(&static_cast<TorchWindow*>(window)->trajectory());
  }
  const auto windows = static_cast<std::uint32_t>(batch.size());
  const std::uint64_t budget = device_memory(device_).budget_bytes;
  if (!device_.is_cpu() && budget != 0 && resident_bytes() + ledger_.batch_bytes(windows) > budget)
    return base::error_of(jobs::AttemptError::OutOfMemory,
                          fmt::format("a batch of {} does not fit into the budget", windows));
  const std::uint64_t before = device_memory(device_).current_bytes;
  reset_device_peak(device_);
  FM_TRY(guarded("a sampler step", [&]() -> base::Status {
    take_step(trajectories, [this](const at::Tensor& noisy, const at::Tensor& level, const at::Tensor& condition) {
      return predict_clean(transformer_, shape(), noisy, level, condition, at::kFloat);
    });
    return {};
  }));
  const std::uint64_t peak = device_memory(device_).peak_bytes;
  ledger_.on_batch(windows, resident_bytes() + (peak > before ? peak - before : 0));
  return {};
}

base::Result<LatentBlock> TorchGenerator::finish(Window& window) {
  FM_CHECK(window.done(), "finish of a window that is not done");
  auto& mine = static_cast<TorchWindow&>(window);
  return guarded("finish a window", [&]() -> base::Result<LatentBlock> {
    LatentBlock block = block_of(mine.trajectory().latents);
    if (!all_finite(block))
      return base::error_of(jobs::AttemptError::NotFinite, "the network gave a value that is not finite");
    // As they were given, bit for bit, whatever a device made of them.
    const auto size = static_cast<std::ptrdiff_t>(block.frame_size());
    for (std::size_t i = 0; i < mine.clean_frames().size(); ++i)
      std::copy_n(mine.clean_latents().values.begin() + static_cast<std::ptrdiff_t>(i) * size, size,
                  block.values.begin() + mine.clean_frames()[i] * size);
    return block;
  });
}

base::Result<std::unique_ptr<Decoding>> TorchGenerator::begin_decode(const LatentBlock& block) {
  FM_TRY(check_block(block, block.frames));
  return std::unique_ptr<Decoding>(std::make_unique<WholeDecoding>(block));
}

base::Result<std::vector<ImageBlock>> TorchGenerator::decode_next(std::span<Decoding* const> batch) {
  return guarded("decode", [&]() -> base::Result<std::vector<ImageBlock>> {
    std::vector<ImageBlock> out;
    for (const Decoding* decoding : batch) {
      FM_CHECK(!decoding->done(), "decoding of a window that is done");
      const LatentBlock& block = static_cast<const WholeDecoding*>(decoding)->block();
      const at::Tensor raw = denormalise_latents(autoencoder_, tensor_of(block).to(device_));
      const at::Tensor images = decode_raw(autoencoder_, raw, at::kFloat).clamp(0.0, 1.0);
      out.push_back(images_of(images.permute({0, 2, 3, 1})));
    }
    for (Decoding* decoding : batch) static_cast<WholeDecoding*>(decoding)->finish();
    return out;
  });
}

base::Result<LatentBlock> TorchGenerator::encode(const ImageBlock& images) {
  if (!images.consistent() || images.height != height() || images.width != width())
    return base::Error{
        "gpu.image_shape",
        fmt::format("input frames are {}x{}; the model wants {}x{}", images.width, images.height, width(), height()),
        "", ""};
  return guarded("encode", [&]() -> base::Result<LatentBlock> {
    const at::Tensor planes = tensor_of(images).permute({0, 3, 1, 2}).contiguous().to(device_);
    return block_of(normalise_latents(autoencoder_, encode_raw(autoencoder_, planes, at::kFloat)));
  });
}

}  // namespace

base::Result<std::unique_ptr<Generator>> load_demo_generator(models::Package package, const DeviceSpec& spec) {
  FM_ASSIGN(const at::Device device, open_device(spec));
  const models::Component& denoiser = *package.manifest.component(models::ComponentRole::Denoiser);
  if (!std::holds_alternative<models::NetworkShape>(denoiser.config))
    return base::Error{"model.architecture",
                       fmt::format("{}: this executor does not run the architecture \"{}\"", package.manifest.id(),
                                   denoiser.architecture),
                       "", "a newer worker may"};
  const models::PackageFile& weights = *package.manifest.file(std::string_view(denoiser.files.front()));
  FM_ASSIGN(std::string bytes, base::read_file(package.directory / weights.path, weights.size_bytes));
  // The very bytes that are loaded are the ones that are checked.
  if (base::sha256(bytes) != weights.sha256)
    return base::error_of(jobs::AttemptError::ModelDigestMismatch,
                          package.manifest.id() + ": " + weights.path + " is not the file the manifest names", "",
                          "fetch the package again");
  FM_ASSIGN(const models::SafetensorsFile file, models::SafetensorsFile::parse(std::move(bytes)));
  // Before anything of the network's size is allocated.
  FM_TRY(models::check_weights(package.manifest.network(), file));
  return guarded("load a model", [&]() -> base::Result<std::unique_ptr<Generator>> {
    set_memory_budget(device, spec.memory_budget_bytes);
    const models::NetworkShape& shape = package.manifest.network();
    FM_ASSIGN(Parameters autoencoder, read_parameters(file, init_autoencoder(shape, 0), "autoencoder."));
    FM_ASSIGN(Parameters transformer, read_parameters(file, init_transformer(shape, 0), "transformer."));
    return std::unique_ptr<Generator>(std::make_unique<TorchGenerator>(
        std::move(package), spec, device, autoencoder.to(device, at::kFloat), transformer.to(device, at::kFloat)));
  });
}

}  // namespace framemill::gpu
