#include "models/import/defaults.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/wan/tensors.h"

namespace framemill::models {
namespace {

enum class Mode { Text, TextExperts, Image, FirstFrame, Control };

struct Published {
  int width, height, frames, fps, steps;
  double guidance;
};

// The calls that the model cards show and the pipelines' own defaults: 2.1 text to video and VACE 480p at 16 frames per
// second, 50 steps, guidance 5; 2.2 A14B text to video 720p, 40 steps, guidance 4 above the boundary and 3 below; 2.2
// A14B image to video 480p, 40 steps, guidance 3.5; 2.2 TI2V 5B 1280x704 at 24 frames per second, 50 steps, guidance 5.
Published published(Mode mode) {
  switch (mode) {
    case Mode::Text:
    case Mode::Control:
      return {832, 480, 81, 16, 50, 5.0};
    case Mode::TextExperts:
      return {1280, 720, 81, 16, 40, 4.0};
    case Mode::Image:
      return {832, 480, 81, 16, 40, 3.5};
    case Mode::FirstFrame:
      return {1280, 704, 121, 24, 50, 5.0};
  }
  return {832, 480, 81, 16, 50, 5.0};
}

const WanTransformerConfig& denoiser_of(const Manifest& m) {
  return std::get<WanTransformerConfig>(m.component(ComponentRole::Denoiser)->config);
}
const WanAutoencoderConfig& autoencoder_of(const Manifest& m) {
  return std::get<WanAutoencoderConfig>(m.component(ComponentRole::Autoencoder)->config);
}

Mode mode_of(const Manifest& m, bool is_first_frame_given) {
  const WanTransformerConfig& denoiser = denoiser_of(m);
  if (!denoiser.vace_layers.empty()) return Mode::Control;
  if (is_first_frame_given) return Mode::FirstFrame;
  if (denoiser.in_channels > denoiser.out_channels) return Mode::Image;
  return m.boundary ? Mode::TextExperts : Mode::Text;
}

constexpr int kSideMax = 1920;                   // of a picture that jobs may ask for
constexpr std::int64_t kPixelsMax = 1280 * 832;  // a little above 720p: the models were trained up to there
constexpr double kLongest = 1.5;                 // times the published length: beyond, motion repeats

// The largest multiple of `grain` that is at most `value`, and one grain at least.
int fitted(int value, int grain) {
  return std::max(value / grain, 1) * grain;
}

void take_window(const Published& p, Mode mode, Manifest& m) {
  const WanTransformerConfig& denoiser = denoiser_of(m);
  const WanAutoencoderConfig& autoencoder = autoencoder_of(m);
  m.time_ratio = {autoencoder.time_ratio, 1};
  // Sides follow the autoencoder's cells and the denoiser's patches, and no axis has more places than positions.
  const int patch = std::max(denoiser.patch_width, denoiser.patch_height), grain = autoencoder.space_ratio * patch;
  const int side = std::max(16, fitted(std::min(kSideMax, denoiser.rope_max_length * grain), grain));
  m.limits.size_multiple = grain;
  m.limits.width_max = m.limits.height_max = side;
  m.width = fitted(std::min(p.width, side), grain);
  m.height = fitted(std::min(p.height, side), grain);
  m.limits.pixels_max = std::max(kPixelsMax, std::int64_t{m.width} * m.height);
  const auto follow = [&](std::int64_t frames) {
    const std::int64_t latents =
        std::min<std::int64_t>(m.time_ratio.latents(std::max<std::int64_t>(frames, 1)), denoiser.rope_max_length);
    return static_cast<int>(m.time_ratio.frames(latents));
  };
  m.window_frames = follow(p.frames);
  m.limits.frames_max = follow(static_cast<std::int64_t>(p.frames * kLongest));
  // Models that are given a first frame go on from the last one of the window before.
  m.context_frames = mode == Mode::FirstFrame || mode == Mode::Image ? 1 : 0;
  m.fps = p.fps;
  m.carry = jobs::CarryKind::Latents;
  m.carry_dtype = CarryDtype::F32;
  m.colour_space = "srgb";
}

std::uint64_t parameters_of(const Manifest& m) {
  std::uint64_t sum = 0;
  for (const auto& [name, shape] : tensors_of(denoiser_of(m))) {
    std::uint64_t count = 1;
    for (const std::int64_t extent : shape) count *= static_cast<std::uint64_t>(extent);
    sum += count;
  }
  return sum;
}

std::string_view text_of(Mode mode) {
  switch (mode) {
    case Mode::Text:
    case Mode::TextExperts:
      return "text to video";
    case Mode::Image:
      return "image to video";
    case Mode::FirstFrame:
      return "text or image to video";
    case Mode::Control:
      return "guided video (VACE)";
  }
  return "video";
}

}  // namespace

void take_published_defaults(const FoundModel& model, Manifest& m) {
  m.boundary = model.boundary;
  const Mode mode = mode_of(m, model.is_first_frame_given);
  const Published p = published(mode);
  take_window(p, mode, m);
  m.sampler = model.scheduler.kind;
  m.prediction = Prediction::Flow;
  m.noise_shift = model.scheduler.shift;
  m.default_steps = p.steps;
  m.steps_max = 200;
  m.default_guidance = p.guidance;
  m.guidance_max = 20.0;
  if (m.boundary) m.guidance_low = mode == Mode::TextExperts ? 3.0 : p.guidance;
  m.batch_max = 4;
  m.batch_max_cpu = 1;
  m.conditioning = {jobs::ConditioningKind::Text, 512, ""};  // the length that the denoisers were trained with
}

std::string title_of(const Manifest& m) {
  const double parameters = static_cast<double>(parameters_of(m));
  const std::string size = parameters >= 1e8   ? fmt::format("{:.1f} B", parameters / 1e9)
                           : parameters >= 1e5 ? fmt::format("{:.1f} M", parameters / 1e6)
                                               : fmt::format("{:.0f}", parameters);
  return fmt::format("Wan, {}, {}{} parameters",
                     text_of(mode_of(m, m.context_frames > 0 && !m.boundary &&
                                            denoiser_of(m).in_channels == denoiser_of(m).out_channels)),
                     m.boundary ? "two experts of " : "", size);
}

}  // namespace framemill::models
