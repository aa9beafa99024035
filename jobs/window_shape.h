// The size and length of a layer's windows: what it chooses within its package's limits, else the package's own. And
// what of memory a window of that shape needs. Pure.
#pragma once

#include <optional>
#include <string>

#include "jobs/package_facts.h"
#include "jobs/spec.h"

namespace framemill::jobs {

struct WindowShape {
  PictureSize size;
  std::int32_t frames = 0;
  bool operator==(const WindowShape&) const = default;
};

WindowShape window_shape(const PackageFacts& package, const WindowChoice& choice);

// Why the package does not make pictures of the size, or windows of the length; nothing where it does.
std::optional<std::string> size_fault(const PackageFacts& package, const PictureSize& size);
std::optional<std::string> length_fault(const PackageFacts& package, std::int32_t frames);
// The allowed size nearest to one that is not: of about its shape, no larger than the limits.
PictureSize nearest_size(const PackageFacts& package, const PictureSize& size);
// What to write instead of a length: "77 or 81 (4k+1, up to 121)".
std::string lengths_near(const PackageFacts& package, std::int32_t frames);
// "4k+1, 1 to 121", "16 alone".
std::string lengths_allowed(const PackageFacts& package);
// "multiples of 16 up to 1280x1280 and 921600 pixels", "64x64 alone".
std::string sizes_allowed(const PackageFacts& package);

// `prior`, one of the package's, with the bytes of a window of that shape in per_window_bytes, and no others to add:
//   per_window_bytes + pixel_bytes * width * height + voxel_bytes * width * height * frames.
// Where a package states per_window_bytes alone, they are of its own shape and grow with width * height * frames.
MemoryPrior memory_of(const PackageFacts& package, const MemoryPrior& prior, const WindowShape& shape);

}  // namespace framemill::jobs
