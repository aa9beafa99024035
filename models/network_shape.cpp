#include "models/network_shape.h"

#include <fmt/format.h>

#include <string>

namespace framemill::models {

base::Status check(const NetworkShape& s) {
  const auto bad = [](std::string field, std::string reason) {
    return base::Error{"model.network", "network." + field + " " + reason, "network." + field, ""};
  };
  struct Range {
    const char* field;
    int value, low, high;
  };
  const Range ranges[] = {
      {"image_width", s.image_width, 16, 4096},
      {"image_height", s.image_height, 16, 4096},
      {"space_ratio", s.space_ratio, 8, 8},
      {"latent_channels", s.latent_channels, 1, 64},
      {"encoder_width", s.encoder_width, 8, 2048},
      {"decoder_width", s.decoder_width, 8, 2048},
      {"decoder_middle_width", s.decoder_middle_width, 8, 2048},
      {"decoder_fine_width", s.decoder_fine_width, 4, 512},
      {"window_frames", s.window_frames, 1, 256},
      {"patch", s.patch, 1, 8},
      {"width", s.width, 16, 8192},
      {"layers", s.layers, 1, 128},
      {"heads", s.heads, 1, 128},
      {"modulation_rank", s.modulation_rank, 1, 1024},
      {"objects", s.objects, 0, 16},
  };
  for (const Range& range : ranges) {
    if (range.value < range.low || range.value > range.high)
      return bad(range.field, fmt::format("is {}; allowed are {} to {}", range.value, range.low, range.high));
  }
  if (s.width % s.heads != 0) return bad("width", "is not a multiple of heads");
  const int grain = s.space_ratio * s.patch;
  if (s.image_width % grain != 0 || s.image_height % grain != 0)
    return bad("image_width", fmt::format("and image_height are multiples of {}", grain));
  if (s.scene_values.empty() || s.scene_values.size() > 32 || s.object_values.size() > 32)
    return bad("scene_values", "wants 1 to 32 slots");
  for (int count : s.scene_values) {
    if (count < 1 || count > 256) return bad("scene_values", "holds a count outside 1 to 256");
  }
  for (int count : s.object_values) {
    if (count < 1 || count > 256) return bad("object_values", "holds a count outside 1 to 256");
  }
  return {};
}

}  // namespace framemill::models
