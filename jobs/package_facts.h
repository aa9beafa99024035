// What planning and matching need to know of a model package, without opening it: pure values that the scheduler and
// the worker both read from the package's manifest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace framemill::jobs {

// Frames per latent: n latents stand for mul*(n-1)+1+... frames. {1, 0}: as many frames as latents. {4, 1}: 4k+1 frames
// to k+1 latents, as in causal video autoencoders.
struct TimeRatio {
  std::int32_t mul = 1;
  std::int32_t add = 0;  // 0 or 1
  std::int64_t latents(std::int64_t frames) const { return add == 0 ? frames / mul : (frames - add) / mul + add; }
  std::int64_t frames(std::int64_t latents) const { return add == 0 ? latents * mul : (latents - add) * mul + add; }
  auto operator<=>(const TimeRatio&) const = default;
};

enum class CarryKind { Latents, Frames };  // what a window of a chain hands to the next

enum class ConditioningKind {
  Vocabulary,  // words of a closed list
  Text,        // any text, up to a number of tokens
};

// What a job may choose for the windows of a package; all 0: only the package's own size and length.
struct WindowLimits {
  std::int32_t frames_min = 0, frames_max = 0;  // follow the time ratio
  std::int32_t size_multiple = 0;               // of width and of height, and the least of both
  std::int32_t width_max = 0, height_max = 0;   // pixels
  std::int64_t pixels_max = 0;                  // width * height
  bool operator==(const WindowLimits&) const = default;
};

struct MemoryPrior {  // bytes on the device that runs the model; first guesses, corrected by what is measured
  std::uint64_t resident_bytes = 0;    // weights and fixed buffers
  std::uint64_t per_window_bytes = 0;  // peak of one more window in a batch, of the package's size and length
  std::uint64_t host_bytes = 0;        // beside the device, in the executor's process
  // Where either is not 0, a window of any size and length needs, beside per_window_bytes (jobs/window_shape.h):
  std::uint64_t pixel_bytes = 0;  // per pixel of one frame: decoding goes frame by frame
  std::uint64_t voxel_bytes = 0;  // per pixel and frame: denoising sees the whole window
  bool operator==(const MemoryPrior&) const = default;
};

struct PackageFacts {
  std::string name;     // "demo-clips"
  std::string version;  // "1"
  base::Sha256 root_digest;
  std::int32_t window_frames = 0;   // frames one model call makes
  std::int32_t context_frames = 0;  // clean frames at a chained window's start, a whole number of latents
  TimeRatio time_ratio;
  CarryKind carry = CarryKind::Latents;
  std::int32_t width = 0, height = 0;  // pixels
  WindowLimits limits;                 // what a job may choose instead
  std::int32_t fps = 0;
  ConditioningKind conditioning = ConditioningKind::Vocabulary;
  std::int32_t max_tokens = 0;  // of a text
  std::int32_t default_steps = 0, steps_max = 0;
  double default_guidance = 1.0, guidance_max = 1.0;
  std::string colour_space;  // "srgb" or "lin_rec709"
  MemoryPrior cpu_memory, cuda_memory;
  std::int32_t batch_max = 1;      // windows one call may take
  std::int32_t batch_max_cpu = 0;  // the same on a CPU; 0: no fewer

  std::string id() const { return name + "@" + version; }
};

// Where planning finds packages: the scheduler's configured model directories, or none for a check of form alone.
class PackageCatalogue {
 public:
  virtual ~PackageCatalogue() = default;
  virtual const PackageFacts* find(std::string_view id) const = 0;  // "demo-clips@1"; nullptr when unknown
  virtual std::vector<std::string> ids() const = 0;
  // Checks what only the package knows (its vocabulary). Errors: prompt.unknown_word, with the nearest words as hint.
  virtual base::Status check_prompt(std::string_view id, std::string_view prompt) const = 0;
};

}  // namespace framemill::jobs
