#include "worker/frames/output_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jobs/attempt_error.h"

namespace framemill::frames {
namespace {

std::optional<OutputFinding> check_one(const Picture& picture, jobs::Frame frame, ExpectedSize expected) {
  if (picture.width != expected.width || picture.height != expected.height || !picture.consistent())
    return OutputFinding{std::string(text_of(jobs::AttemptError::FrameSize)),
                         fmt::format("frame {} is {} x {} with {} samples; expected {} x {} x 3", frame, picture.width,
                                     picture.height, picture.rgb.size(), expected.width, expected.height),
                         frame};
  const auto is_finite = [](float v) { return std::isfinite(v); };
  const auto bad = std::count_if(picture.rgb.begin(), picture.rgb.end(), [&](float v) { return !is_finite(v); });
  if (bad > 0)
    return OutputFinding{std::string(text_of(jobs::AttemptError::FrameNan)),
                         fmt::format("frame {} has {} samples that are not numbers", frame, bad), frame};
  if (std::all_of(picture.rgb.begin(), picture.rgb.end(), [](float v) { return v <= 0.0f; }))
    return OutputFinding{std::string(text_of(jobs::AttemptError::FrameBlack)),
                         fmt::format("frame {} is black: every sample is zero", frame), frame};
  return std::nullopt;
}

}  // namespace

std::optional<OutputFinding> check_window(std::span<const Picture> window, jobs::Frame first, ExpectedSize expected) {
  for (std::size_t i = 0; i < window.size(); ++i) {
    if (auto finding = check_one(window[i], first + static_cast<jobs::Frame>(i), expected)) return finding;
  }
  const auto same = [&](const Picture& p) { return p.rgb == window.front().rgb; };
  if (window.size() > 1 && std::all_of(window.begin() + 1, window.end(), same))
    return OutputFinding{std::string(text_of(jobs::AttemptError::FrameFrozen)),
                         fmt::format("frames {} to {} are identical, bit for bit", first,
                                     first + static_cast<jobs::Frame>(window.size()) - 1),
                         first};
  return std::nullopt;
}

std::optional<OutputFinding> check_latents(std::span<const float> values, jobs::Frame first) {
  const auto bad = std::count_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad == 0) return std::nullopt;
  return OutputFinding{std::string(text_of(jobs::AttemptError::FrameNan)),
                       fmt::format("the window at frame {} has {} latent values that are not numbers", first, bad),
                       first};
}

}  // namespace framemill::frames
