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

std::optional<OutputFinding> WindowCheck::add(const Picture& picture) {
  const jobs::Frame frame = first_ + count_++;
  if (auto finding = check_one(picture, frame, expected_)) return finding;
  if (!first_picture_)
    first_picture_ = picture;
  else
    moves_ = moves_ || picture.rgb != first_picture_->rgb;
  return std::nullopt;
}

std::optional<OutputFinding> WindowCheck::finish() const {
  if (count_ <= 1 || moves_) return std::nullopt;
  return OutputFinding{std::string(text_of(jobs::AttemptError::FrameFrozen)),
                       fmt::format("frames {} to {} are identical, bit for bit", first_, first_ + count_ - 1), first_};
}

std::optional<OutputFinding> check_window(std::span<const Picture> window, jobs::Frame first, ExpectedSize expected) {
  WindowCheck check(first, expected);
  for (const Picture& picture : window)
    if (auto finding = check.add(picture)) return finding;
  return check.finish();
}

std::optional<OutputFinding> check_latents(std::span<const float> values, jobs::Frame first) {
  const auto bad = std::count_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad == 0) return std::nullopt;
  return OutputFinding{std::string(text_of(jobs::AttemptError::FrameNan)),
                       fmt::format("the window at frame {} has {} latent values that are not numbers", first, bad),
                       first};
}

}  // namespace framemill::frames
