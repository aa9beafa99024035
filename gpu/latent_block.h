// Latents and images as plain values, so that everything outside gpu/torch can hold, store, hand on and test them
// without a tensor library. A latent block is also the carry between windows: the executor writes its bytes as the
// carry file and the next window starts from the values read back from that file, also inside one chunk.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/manifest.h"

namespace framemill::gpu {

// Latent frames of a window: `values` is row-major [frames][channels][height][width], normalised (zero mean, unit
// variance over the training data), float32.
struct LatentBlock {
  int frames = 0;
  int channels = 0;
  int height = 0;
  int width = 0;
  std::vector<float> values;

  std::size_t frame_size() const { return static_cast<std::size_t>(channels) * height * width; }
  bool consistent() const;  // sizes are positive and `values` has frames * channels * height * width entries
  bool operator==(const LatentBlock&) const = default;
};

// Pictures in the package's colour space: `values` is row-major [frames][height][width][3], 0..1 nominal.
struct ImageBlock {
  int frames = 0;
  int height = 0;
  int width = 0;
  std::vector<float> values;

  std::size_t frame_size() const { return static_cast<std::size_t>(height) * width * 3; }
  bool consistent() const;
  bool operator==(const ImageBlock&) const = default;
};

// Frames first..first+count-1 of a block.
LatentBlock slice_frames(const LatentBlock& block, int first, int count);
ImageBlock slice_frames(const ImageBlock& block, int first, int count);

using models::CarryDtype;

// A safetensors file with the one tensor "latents" of shape [frames, channels, height, width]. The same values always
// give the same bytes.
std::string to_bytes(const LatentBlock& block, CarryDtype dtype);

// Errors: what models::SafetensorsFile says of hostile bytes; gpu.latent_shape for a wrong tensor or a value that is
// not finite.
base::Result<LatentBlock> latent_block_from_bytes(std::string_view bytes);

}  // namespace framemill::gpu
