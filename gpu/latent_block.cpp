#include "gpu/latent_block.h"

#include <fmt/format.h>

#include <cmath>

#include "models/safetensors.h"

namespace framemill::gpu {
namespace {

base::Error bad_latents(std::string reason) {
  return {"gpu.latent_shape", std::move(reason), "", ""};
}

template <class Block>
Block sliced(const Block& block, int first, int count) {
  FM_CHECK(block.consistent() && first >= 0 && count > 0 && first + count <= block.frames, "a slice outside its block");
  Block out = block;
  out.frames = count;
  const auto begin = block.values.begin() + static_cast<std::ptrdiff_t>(first * block.frame_size());
  out.values.assign(begin, begin + static_cast<std::ptrdiff_t>(count * block.frame_size()));
  return out;
}

}  // namespace

bool LatentBlock::consistent() const {
  return frames > 0 && channels > 0 && height > 0 && width > 0 && values.size() == frames * frame_size();
}

bool ImageBlock::consistent() const {
  return frames > 0 && height > 0 && width > 0 && values.size() == frames * frame_size();
}

LatentBlock slice_frames(const LatentBlock& block, int first, int count) {
  return sliced(block, first, count);
}
ImageBlock slice_frames(const ImageBlock& block, int first, int count) {
  return sliced(block, first, count);
}

std::string to_bytes(const LatentBlock& block, CarryDtype dtype) {
  FM_CHECK(block.consistent(), "latents that do not match their shape");
  const std::vector<std::int64_t> shape{block.frames, block.channels, block.height, block.width};
  models::SafetensorsWriter writer;
  if (dtype == CarryDtype::F32) {
    writer.add_floats("latents", shape, block.values);
  } else {
    std::string halves;
    halves.reserve(block.values.size() * 2);
    for (float value : block.values) {
      const std::uint16_t half = models::half_from_float(value);
      halves.push_back(static_cast<char>(half & 0xff));
      halves.push_back(static_cast<char>(half >> 8));
    }
    writer.add("latents", models::Dtype::F16, shape, std::move(halves));
  }
  return writer.bytes();
}

base::Result<LatentBlock> latent_block_from_bytes(std::string_view bytes) {
  FM_ASSIGN(const models::SafetensorsFile file, models::SafetensorsFile::parse(std::string(bytes)));
  const models::TensorView* tensor = file.find("latents");
  if (!tensor || file.tensors().size() != 1) return bad_latents("a carry holds the one tensor 'latents'");
  if (tensor->shape.size() != 4) return bad_latents("'latents' must have four dimensions");
  for (std::int64_t extent : tensor->shape) {
    if (extent < 1 || extent > 65536) return bad_latents(fmt::format("'latents' has an extent of {}", extent));
  }
  LatentBlock block;
  block.frames = static_cast<int>(tensor->shape[0]);
  block.channels = static_cast<int>(tensor->shape[1]);
  block.height = static_cast<int>(tensor->shape[2]);
  block.width = static_cast<int>(tensor->shape[3]);
  block.values = models::floats_of(*tensor);
  if (!block.consistent()) return bad_latents("'latents' is not of dtype F32 or F16");
  for (float value : block.values) {
    if (!std::isfinite(value)) return bad_latents("'latents' holds a value that is not finite");
  }
  return block;
}

}  // namespace framemill::gpu
