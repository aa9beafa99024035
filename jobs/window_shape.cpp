#include "jobs/window_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace framemill::jobs {
namespace {

bool has_one_size(const PackageFacts& package) {
  return package.limits.width_max == 0;
}
bool has_one_length(const PackageFacts& package) {
  return package.limits.frames_max == 0;
}

std::int64_t pixels(const PictureSize& size) {
  return std::int64_t{size.width} * size.height;
}

std::string ratio_text(const TimeRatio& ratio) {
  return ratio.add == 0 ? fmt::format("a multiple of {}", ratio.mul) : fmt::format("{}k+{}", ratio.mul, ratio.add);
}

// The multiple nearest to `value` in what the side may be.
std::int32_t side_near(double value, std::int32_t multiple, std::int32_t most) {
  const auto steps = static_cast<std::int32_t>(std::lround(value / multiple));
  return std::clamp(steps, 1, std::max(most / multiple, 1)) * multiple;
}

std::uint64_t saturated(double bytes) {
  constexpr double kMost = 9e18;
  return static_cast<std::uint64_t>(std::ceil(std::min(bytes, kMost)));
}

}  // namespace

WindowShape window_shape(const PackageFacts& package, const WindowChoice& choice) {
  return {choice.size.value_or(PictureSize{package.width, package.height}),
          choice.frames.value_or(package.window_frames)};
}

std::optional<std::string> size_fault(const PackageFacts& package, const PictureSize& size) {
  if (size == PictureSize{package.width, package.height}) return std::nullopt;
  const WindowLimits& limits = package.limits;
  if (has_one_size(package))
    return fmt::format("{} makes pictures of {}x{} alone", package.id(), package.width, package.height);
  for (const std::int32_t side : {size.width, size.height})
    if (side % limits.size_multiple != 0)
      return fmt::format("{} is not a size that {} makes: {} is not a multiple of {}", size.text(), package.id(), side,
                         limits.size_multiple);
  if (size.width > limits.width_max || size.height > limits.height_max)
    return fmt::format("{} is larger than {} makes: up to {}x{}", size.text(), package.id(), limits.width_max,
                       limits.height_max);
  if (pixels(size) > limits.pixels_max)
    return fmt::format("{} has {} pixels; {} makes pictures of up to {}", size.text(), pixels(size), package.id(),
                       limits.pixels_max);
  return std::nullopt;
}

std::optional<std::string> length_fault(const PackageFacts& package, std::int32_t frames) {
  if (frames == package.window_frames) return std::nullopt;
  if (has_one_length(package))
    return fmt::format("{} makes windows of {} frames alone", package.id(), package.window_frames);
  const TimeRatio ratio = package.time_ratio;
  if (ratio.mul < 1 || ratio.frames(ratio.latents(frames)) != frames)
    return fmt::format("{} does not make windows of {} frames: their number is {}", package.id(), frames,
                       ratio_text(ratio));
  if (frames < package.limits.frames_min || frames > package.limits.frames_max)
    return fmt::format("{} makes windows of {} to {} frames, not of {}", package.id(), package.limits.frames_min,
                       package.limits.frames_max, frames);
  return std::nullopt;
}

PictureSize nearest_size(const PackageFacts& package, const PictureSize& size) {
  const WindowLimits& limits = package.limits;
  if (has_one_size(package)) return {package.width, package.height};
  const double shrink = std::min({1.0, double(limits.width_max) / size.width, double(limits.height_max) / size.height,
                                  std::sqrt(double(limits.pixels_max) / double(pixels(size)))});
  PictureSize near{side_near(size.width * shrink, limits.size_multiple, limits.width_max),
                   side_near(size.height * shrink, limits.size_multiple, limits.height_max)};
  // Rounding up may have gone over the limit of pixels.
  while (pixels(near) > limits.pixels_max && std::max(near.width, near.height) > limits.size_multiple)
    (near.width >= near.height ? near.width : near.height) -= limits.size_multiple;
  return near;
}

std::string lengths_near(const PackageFacts& package, std::int32_t frames) {
  if (has_one_length(package)) return fmt::format("{}, or no window", package.window_frames);
  const TimeRatio ratio = package.time_ratio;
  const auto allowed = [&](std::int64_t latents) {
    return std::clamp<std::int64_t>(ratio.frames(latents), package.limits.frames_min, package.limits.frames_max);
  };
  const std::int64_t latents = ratio.latents(frames);
  const std::int64_t below = allowed(latents), above = allowed(latents + 1);
  const std::string values = below == above ? fmt::format("{}", below) : fmt::format("{} or {}", below, above);
  return fmt::format("{} ({})", values, lengths_allowed(package));
}

std::string lengths_allowed(const PackageFacts& package) {
  if (has_one_length(package)) return fmt::format("{} alone", package.window_frames);
  return fmt::format("{}, {} to {}", ratio_text(package.time_ratio), package.limits.frames_min,
                     package.limits.frames_max);
}

std::string sizes_allowed(const PackageFacts& package) {
  const WindowLimits& limits = package.limits;
  if (has_one_size(package)) return fmt::format("{}x{} alone", package.width, package.height);
  return fmt::format("multiples of {} up to {}x{} and {} pixels", limits.size_multiple, limits.width_max,
                     limits.height_max, limits.pixels_max);
}

MemoryPrior memory_of(const PackageFacts& package, const MemoryPrior& prior, const WindowShape& shape) {
  MemoryPrior of = prior;
  of.pixel_bytes = of.voxel_bytes = 0;
  const double area = double(shape.size.width) * shape.size.height;
  const double own = double(package.width) * package.height * package.window_frames;
  if (prior.pixel_bytes > 0 || prior.voxel_bytes > 0)
    of.per_window_bytes = saturated(double(prior.per_window_bytes) + double(prior.pixel_bytes) * area +
                                    double(prior.voxel_bytes) * area * shape.frames);
  else if (own > 0 && shape != window_shape(package, {}))
    of.per_window_bytes = saturated(double(prior.per_window_bytes) * (area * shape.frames / own));
  return of;
}

}  // namespace framemill::jobs
