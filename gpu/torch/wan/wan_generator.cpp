#include "gpu/torch/wan/wan_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "gpu/memory_ledger.h"
#include "gpu/noise.h"
#include "gpu/torch/device.h"
#include "gpu/torch/guarded.h"
#include "gpu/torch/tensor_blocks.h"
#include "gpu/torch/wan/autoencoder.h"
#include "gpu/torch/wan/prompt_encoder.h"
#include "gpu/torch/wan/transformer.h"
#include "gpu/torch/wan/wan_components.h"
#include "gpu/torch/wan/wan_decoding.h"
#include "gpu/torch/wan/wan_facts.h"
#include "gpu/torch/wan/wan_memory.h"
#include "gpu/torch/wan/wan_trajectory.h"
#include "models/text/tokenizer.h"

namespace framemill::gpu {
namespace {

using models::ComponentRole;

class WanWindow final : public Window {
 public:
  WanWindow(WanTrajectory trajectory, const WindowRequest& request, WindowShape shape)
      : trajectory_(std::move(trajectory)), shape_(shape), clean_frames_(request.clean_frames),
        clean_latents_(request.clean_latents) {}

  int step() const override { return trajectory_.state.step; }
  int steps() const override { return trajectory_.sampler.steps(); }
  WanTrajectory& trajectory() { return trajectory_; }
  const WanTrajectory& trajectory() const { return trajectory_; }
  const WindowShape& shape() const { return shape_; }
  // As they were given, bit for bit, whatever a device made of them.
  void restore_clean(LatentBlock& block) const {
    const auto size = static_cast<std::ptrdiff_t>(block.frame_size());
    for (std::size_t i = 0; i < clean_frames_.size(); ++i)
      std::copy_n(clean_latents_.values.begin() + static_cast<std::ptrdiff_t>(i) * size, size,
                  block.values.begin() + clean_frames_[i] * size);
  }

 private:
  WanTrajectory trajectory_;
  WindowShape shape_;
  std::vector<int> clean_frames_;
  LatentBlock clean_latents_;
};

class WanGenerator final : public Generator {
 public:
  WanGenerator(models::Package package, const DeviceSpec& spec, at::Device device, GeneratorHooks hooks,
               std::shared_ptr<const models::Tokenizer> tokenizer, WanComponents components)
      : package_(std::move(package)), spec_(spec), device_(device), hooks_(std::move(hooks)), facts_(package_.manifest),
        prompts_(std::move(tokenizer)), components_(std::move(components)) {}

  std::string name() const override { return manifest().id(); }
  std::string root_digest() const override { return package_.root_digest.hex(); }
  std::string device_class() const override { return describe_device(spec_); }
  int window_frames() const override { return facts_.latents_of(manifest().window_frames); }
  int context_frames() const override { return facts_.latents_of(manifest().context_frames); }
  int width() const override { return manifest().width; }
  int height() const override { return manifest().height; }
  int batch_max() const override { return device_.is_cpu() ? manifest().batch_max_cpu : manifest().batch_max; }

  base::Result<std::unique_ptr<Window>> begin(const WindowRequest& request) override;
  BatchKey batch_key(const Window& window) const override;
  base::Status step(std::span<Window* const> batch) override;
  base::Result<LatentBlock> finish(Window& window) override;
  base::Result<std::unique_ptr<Decoding>> begin_decode(const LatentBlock& block) override;
  base::Result<std::vector<ImageBlock>> decode_next(std::span<Decoding* const> batch) override;
  base::Result<LatentBlock> encode(const ImageBlock& images) override;
  base::Result<LatentBlock> context(const LatentBlock& before, int frames) override;

  std::uint64_t predicted_step_bytes(const WindowShape& shape, int windows) const override {
    return ledger_of(step_ledgers_, Work::Step, shape).batch_bytes(static_cast<std::uint32_t>(std::max(1, windows)));
  }
  std::uint64_t predicted_decode_bytes(const WindowShape& shape, int windows) const override {
    return ledger_of(decode_ledgers_, Work::Decode, shape)
        .batch_bytes(static_cast<std::uint32_t>(std::max(1, windows)));
  }
  MemoryFigures memory() const override {
    MemoryFigures figures = device_memory(device_);
    figures.resident_bytes = components_.resident_bytes();
    figures.current_bytes += components_.mapped_bytes();
    figures.peak_bytes += components_.mapped_bytes();
    return figures;
  }
  void reset_peak() override { reset_device_peak(device_); }

  // So that loading is over before the first window begins, as far as the budget holds.
  base::Status load_denoisers() {
    return guarded("load a model", [&]() -> base::Status {
      const std::uint64_t work = predicted_step_bytes({}, 1);
      for (const ComponentRole role : {ComponentRole::DenoiserHighNoise, ComponentRole::Denoiser})
        if (components_.has(role)) components_.use(role, work);
      return {};
    });
  }

 private:
  enum class Work { Step, Decode };
  using Ledgers = std::map<WindowShape, MemoryLedger>;

  const models::Manifest& manifest() const { return package_.manifest; }
  WanStepping stepping() const;
  MemoryLedger ledger_of(const Ledgers& ledgers, Work work, const WindowShape& shape) const;
  void saw_peak(Ledgers& ledgers, Work work, const WindowShape& shape, std::uint32_t windows, std::uint64_t before);

  at::Tensor starting_noise(const WindowRequest& request, const WindowShape& shape) const;
  void take_clean_frames(WanTrajectory& t, const WindowRequest& request, const WindowShape& shape);
  at::Tensor condition_of(const WindowRequest& request, const WindowShape& shape);
  at::Tensor denoised(const WanRows& rows);
  at::Tensor pictures_of(const at::Tensor& latents, std::int64_t last);
  at::Tensor encoded(const at::Tensor& pictures);

  models::Package package_;
  DeviceSpec spec_;
  at::Device device_;
  GeneratorHooks hooks_;
  WanFacts facts_;
  PromptEncoder prompts_;
  WanComponents components_;
  Ledgers step_ledgers_, decode_ledgers_;
};

WanStepping WanGenerator::stepping() const {
  const models::WanTransformerConfig& config = facts_.transformer();
  WanStepping out;
  out.boundary = components_.has(ComponentRole::DenoiserHighNoise) ? manifest().boundary.value_or(0.0) : 0.0;
  out.patch_time = config.patch_time;
  out.patch_height = config.patch_height;
  out.patch_width = config.patch_width;
  out.text_tokens = manifest().conditioning.max_tokens;
  // In bfloat16 a row's sums may depend on how many rows there are, by more than an 8-bit step in the end.
  out.windows_share_calls = components_.compute(ComponentRole::Denoiser) == at::kFloat;
  return out;
}

MemoryLedger WanGenerator::ledger_of(const Ledgers& ledgers, Work work, const WindowShape& shape) const {
  const WindowShape key = facts_.whole(shape);
  if (const auto found = ledgers.find(key); found != ledgers.end()) return found->second;
  jobs::MemoryPrior prior;
  prior.per_window_bytes =
      work == Work::Step
          ? step_bytes_of(facts_.transformer(), components_.compute(ComponentRole::Denoiser), facts_.autoencoder(), key)
          : decode_bytes_of(facts_.autoencoder(), components_.compute(ComponentRole::Autoencoder), key);
  return MemoryLedger(prior);
}

void WanGenerator::saw_peak(Ledgers& ledgers, Work work, const WindowShape& shape, std::uint32_t windows,
                            std::uint64_t before) {
  const std::uint64_t peak = device_memory(device_).peak_bytes;
  MemoryLedger ledger = ledger_of(ledgers, work, shape);
  ledger.on_batch(windows, peak > before ? peak - before : 0);
  ledgers.insert_or_assign(facts_.whole(shape), ledger);
}

// [C, F, h, w]
at::Tensor WanGenerator::starting_noise(const WindowRequest& request, const WindowShape& shape) const {
  const int ratio = facts_.autoencoder().space_ratio;
  at::Tensor noise =
      at::empty({shape.frames, facts_.autoencoder().z_dim, shape.height / ratio, shape.width / ratio}, at::kFloat);
  const auto frame_size = static_cast<std::size_t>(noise[0].numel());
  for (int i = 0; i < shape.frames; ++i) {
    NoiseKey key;
    key.seed = request.seed;
    key.frame = request.first_frame + i;
    fill_normals(key, {noise.mutable_data_ptr<float>() + static_cast<std::size_t>(i) * frame_size, frame_size});
  }
  return noise.to(device_).permute({1, 0, 2, 3}).contiguous();
}

void WanGenerator::take_clean_frames(WanTrajectory& t, const WindowRequest& request, const WindowShape& shape) {
  if (request.clean_frames.empty()) return;
  if (facts_.takes_condition()) {
    t.condition = condition_of(request, shape);
    return;
  }
  at::Tensor clean = at::zeros({shape.frames}, at::kBool);
  at::Tensor given = at::zeros(t.latents.sizes(), at::kFloat);
  const at::Tensor values = tensor_of(request.clean_latents);
  for (std::size_t i = 0; i < request.clean_frames.size(); ++i) {
    clean[request.clean_frames[i]].fill_(true);
    given.select(1, request.clean_frames[i]).copy_(values[static_cast<std::int64_t>(i)]);
  }
  t.clean = clean;
  t.given = given.to(device_);
}

// Channels beside the latents: which frames are given, one channel for each frame of a latent, and the latents of a clip
// that holds the given pictures and is grey behind them. [time_ratio + z, F, h, w]
at::Tensor WanGenerator::condition_of(const WindowRequest& request, const WindowShape& shape) {
  const std::int64_t ratio = facts_.autoencoder().time_ratio, frames = manifest().time_ratio.frames(shape.frames);
  const at::Tensor latents = tensor_of(request.clean_latents).permute({1, 0, 2, 3}).unsqueeze(0).to(device_);
  const std::int64_t given = manifest().time_ratio.frames(request.clean_latents.frames);
  const at::Tensor first = pictures_of(latents, given);  // [1, 3, given, H, W]
  const at::Tensor clip = at::constant_pad_nd(first, {0, 0, 0, 0, 0, frames - given});
  const at::Tensor known = encoded(clip)[0];  // [z, F, h, w]
  const at::Tensor is_given =
      at::arange(1 - ratio, frames, at::TensorOptions(device_)).lt(given);  // the first frame counts ratio times
  const at::Tensor channels = is_given.view({shape.frames, ratio}).t().to(at::kFloat);  // [ratio, F]
  return at::cat(
      {channels.view({ratio, shape.frames, 1, 1}).expand({ratio, shape.frames, known.size(2), known.size(3)}), known});
}

base::Result<std::unique_ptr<Window>> WanGenerator::begin(const WindowRequest& request) {
  const WindowShape shape = facts_.whole({request.frames, request.width, request.height});
  FM_TRY(facts_.check_request(request, shape));
  FM_ASSIGN(Sampler sampler, facts_.sampler_of(request));
  return guarded("begin a window", [&]() -> base::Result<std::unique_ptr<Window>> {
    WanTrajectory t{std::move(sampler), {}, {}, {}, {}, {}, {}, {}, {}, {}, 1.0, 1.0};
    t.state = t.sampler.begin();
    t.guidance = request.guidance ? static_cast<double>(*request.guidance) : manifest().default_guidance;
    // The guidance of a spec that names none is the package's default.
    const bool is_default = static_cast<float>(t.guidance) == static_cast<float>(manifest().default_guidance);
    t.guidance_low = is_default ? manifest().guidance_low.value_or(t.guidance) : t.guidance;
    FM_ASSIGN(const at::Tensor prompt, prompts_.encode(request.prompt, facts_, components_, device_, hooks_.working));
    t.texts.push_back(prompt);
    if (t.guidance > 1.0) {
      const std::string& negative =
          request.negative_prompt.empty() ? manifest().conditioning.negative_prompt : request.negative_prompt;
      FM_ASSIGN(const at::Tensor other, prompts_.encode(negative, facts_, components_, device_, hooks_.working));
      t.texts.push_back(other);
    }
    t.noise = starting_noise(request, shape);
    t.latents = t.noise * t.sampler.initial_scale();
    take_clean_frames(t, request, shape);
    if (request.mask) {
      const std::vector<std::uint8_t>& known = request.mask->known;
      at::Tensor region = at::empty({1, shape.frames, t.latents.size(2), t.latents.size(3)}, at::kByte);
      std::copy(known.begin(), known.end(), region.mutable_data_ptr<std::uint8_t>());
      t.region = region.ne(0).to(device_);
      t.region_latents = tensor_of(request.mask->latents).permute({1, 0, 2, 3}).to(device_);
    }
    impose_known(t);
    return std::unique_ptr<Window>(std::make_unique<WanWindow>(std::move(t), request, shape));
  });
}

BatchKey WanGenerator::batch_key(const Window& window) const {
  const auto& mine = static_cast<const WanWindow&>(window);
  const WanTrajectory& t = mine.trajectory();
  return {fmt::format("{}/{}x{}x{}/{}{}", root_digest(), mine.shape().frames, mine.shape().width, mine.shape().height,
                      t.guided() ? "guided" : "plain", t.clean.defined() ? "/clean" : "")};
}

at::Tensor WanGenerator::denoised(const WanRows& rows) {
  const ComponentRole role = rows.expert == Expert::High ? ComponentRole::DenoiserHighNoise : ComponentRole::Denoiser;
  const auto weights = components_.use(role, 0);
  WanInputs inputs;
  inputs.latents = rows.latents;
  inputs.level = rows.level;
  inputs.text = rows.text;
  inputs.after_layer = hooks_.working;
  return wan_predict(weights->parameters, facts_.transformer(role), inputs, components_.compute(role));
}

base::Status WanGenerator::step(std::span<Window* const> batch) {
  FM_CHECK(!batch.empty(), "a step of no windows");
  std::vector<WanTrajectory*> trajectories;
  for (Window* window : batch) {
    FM_CHECK(!window->done() && batch_key(*window) == batch_key(*batch.front()), "a batch of windows that do not fit");
    trajectories.push_back(&static_cast<WanWindow*>(window)->trajectory());
  }
  const WindowShape& shape = static_cast<const WanWindow*>(batch.front())->shape();
  const auto windows = static_cast<std::uint32_t>(batch.size());
  const std::uint64_t budget = device_memory(device_).budget_bytes;
  if (!device_.is_cpu() && budget != 0 && predicted_step_bytes(shape, static_cast<int>(windows)) > budget)
    return base::error_of(jobs::AttemptError::OutOfMemory,
                          fmt::format("a batch of {} does not fit into the budget", windows));
  std::uint64_t before = 0;
  FM_TRY(guarded("a sampler step", [&]() -> base::Status {
    // Loaded before the peak is measured, and beside what the step needs.
    const WanStepping how = stepping();
    components_.use(how.boundary > 0.0 ? ComponentRole::DenoiserHighNoise : ComponentRole::Denoiser,
                    predicted_step_bytes(shape, static_cast<int>(windows)));
    before = device_memory(device_).current_bytes;
    reset_device_peak(device_);
    take_step(trajectories, how, [this](const WanRows& rows) { return denoised(rows); });
    return {};
  }));
  saw_peak(step_ledgers_, Work::Step, shape, windows, before);
  return {};
}

base::Result<LatentBlock> WanGenerator::finish(Window& window) {
  FM_CHECK(window.done(), "finish of a window that is not done");
  const auto& mine = static_cast<const WanWindow&>(window);
  return guarded("finish a window", [&]() -> base::Result<LatentBlock> {
    LatentBlock block = block_of(mine.trajectory().latents.permute({1, 0, 2, 3}));
    if (!all_finite(block))
      return base::error_of(jobs::AttemptError::NotFinite, "the network gave a value that is not finite");
    mine.restore_clean(block);
    return block;
  });
}

base::Result<std::unique_ptr<Decoding>> WanGenerator::begin_decode(const LatentBlock& block) {
  const WindowShape shape = facts_.shape_of(block);
  FM_TRY(facts_.check_shape(shape));
  FM_TRY(facts_.check_block(block, shape, block.frames));
  return guarded("decode", [&]() -> base::Result<std::unique_ptr<Decoding>> {
    const at::Tensor latents = tensor_of(block).permute({1, 0, 2, 3}).unsqueeze(0).to(device_);
    return std::unique_ptr<Decoding>(std::make_unique<WanDecoding>(
        facts_.autoencoder(), wan_denormalise(facts_.autoencoder(), latents),
        components_.compute(ComponentRole::Autoencoder), static_cast<int>(manifest().time_ratio.frames(block.frames))));
  });
}

base::Result<std::vector<ImageBlock>> WanGenerator::decode_next(std::span<Decoding* const> batch) {
  FM_CHECK(!batch.empty(), "decoding of no windows");
  const auto& first = static_cast<const WanDecoding&>(*batch.front());
  const WindowShape shape{1, static_cast<int>(first.width()), static_cast<int>(first.height())};
  std::uint64_t before = 0;
  FM_TRY(guarded("decode", [&]() -> base::Status {
    const auto windows = static_cast<int>(batch.size());
    const auto weights = components_.use(ComponentRole::Autoencoder, predicted_decode_bytes(shape, windows));
    before = device_memory(device_).current_bytes;
    reset_device_peak(device_);
    for (Decoding* decoding : batch) {
      FM_CHECK(!decoding->done(), "decoding of a window that is done");
      static_cast<WanDecoding*>(decoding)->prepare(weights);
      if (hooks_.working) hooks_.working();
    }
    return {};
  }));
  saw_peak(decode_ledgers_, Work::Decode, shape, static_cast<std::uint32_t>(batch.size()), before);
  std::vector<ImageBlock> out;
  for (Decoding* decoding : batch) out.push_back(static_cast<WanDecoding*>(decoding)->take());
  return out;
}

// The last `count` pictures of latents [1, z, f, h, w]: [1, 3, count, H, W] in -1..1.
at::Tensor WanGenerator::pictures_of(const at::Tensor& latents, std::int64_t count) {
  const auto weights = components_.use(ComponentRole::Autoencoder, 0);
  WanDecoder decoder(weights->parameters, facts_.autoencoder(), wan_denormalise(facts_.autoencoder(), latents),
                     components_.compute(ComponentRole::Autoencoder));
  at::Tensor last;
  while (!decoder.done()) {
    const at::Tensor pictures = decoder.next();
    last = last.defined() ? at::cat({last, pictures}, 2) : pictures;
    if (last.size(2) > count) last = last.narrow(2, last.size(2) - count, count).clone();
    if (hooks_.working) hooks_.working();
  }
  return last;
}

// Pictures [1, 3, F, H, W] in -1..1 to latents [1, z, f, h, w].
at::Tensor WanGenerator::encoded(const at::Tensor& pictures) {
  const auto weights = components_.use(ComponentRole::Autoencoder, 0);
  return wan_normalise(facts_.autoencoder(), wan_encode(weights->parameters, facts_.autoencoder(), pictures,
                                                        components_.compute(ComponentRole::Autoencoder)));
}

base::Result<LatentBlock> WanGenerator::encode(const ImageBlock& images) {
  const WindowShape shape{facts_.latents_of(images.frames), images.width, images.height};
  if (!images.consistent() || manifest().time_ratio.frames(shape.frames) != images.frames ||
      !facts_.check_shape(shape).ok())
    return base::Error{"gpu.image_shape",
                       fmt::format("{} input frames of {}x{}, which the model has no latents for", images.frames,
                                   images.width, images.height),
                       "", ""};
  return guarded("encode", [&]() -> base::Result<LatentBlock> {
    const at::Tensor pictures = tensor_of(images).to(device_).permute({3, 0, 1, 2}).unsqueeze(0) * 2.0 - 1.0;
    return block_of(encoded(pictures)[0].permute({1, 0, 2, 3}));
  });
}

// The first latent frame of a window stands for one picture, every other for several: the window before gives pictures,
// and those are encoded anew.
base::Result<LatentBlock> WanGenerator::context(const LatentBlock& before, int frames) {
  if (frames < 1 || before.frames < frames)
    return base::Error{"gpu.latent_shape",
                       fmt::format("a context of {} latent frames; {} are wanted", before.frames, frames), "", ""};
  FM_TRY(facts_.check_block(before, facts_.shape_of(before), before.frames));
  return guarded("continue a chain", [&]() -> base::Result<LatentBlock> {
    const at::Tensor latents = tensor_of(before).permute({1, 0, 2, 3}).unsqueeze(0).to(device_);
    return block_of(encoded(pictures_of(latents, manifest().time_ratio.frames(frames)))[0].permute({1, 0, 2, 3}));
  });
}

}  // namespace

base::Result<std::unique_ptr<Generator>> load_wan_generator(models::Package package, const DeviceSpec& spec,
                                                            GeneratorHooks hooks) {
  FM_TRY(check_supported(package.manifest));
  FM_ASSIGN(const at::Device device, open_device(spec));
  const models::Component& words = *package.manifest.component(ComponentRole::Tokenizer);
  FM_TRY(check_file_digest(package, *package.manifest.file(words.files.front()), {}));
  FM_ASSIGN(auto tokenizer, models::Tokenizer::open(package.directory / words.files.front()));
  FM_ASSIGN(WanComponents components, WanComponents::open(package, device, spec.memory_budget_bytes, hooks));
  set_memory_budget(device, spec.memory_budget_bytes);
  auto generator = std::make_unique<WanGenerator>(std::move(package), spec, device, std::move(hooks),
                                                  std::move(tokenizer), std::move(components));
  FM_TRY(generator->load_denoisers());
  return std::unique_ptr<Generator>(std::move(generator));
}

}  // namespace framemill::gpu
