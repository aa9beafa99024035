#include "gpu/generator.h"

#include <fmt/format.h>

namespace framemill::gpu {

base::Result<LatentBlock> Generator::context(const LatentBlock& before, int frames) {
  if (frames < 1 || before.frames < frames)
    return base::Error{"gpu.latent_shape",
                       fmt::format("a context of {} latent frames; {} are wanted", before.frames, frames), "", ""};
  return slice_frames(before, before.frames - frames, frames);
}

base::Result<std::vector<ImageBlock>> Generator::decode(std::span<const LatentBlock* const> blocks) {
  std::vector<ImageBlock> whole;
  for (const LatentBlock* block : blocks) {
    FM_ASSIGN(const std::unique_ptr<Decoding> decoding, begin_decode(*block));
    ImageBlock& window = whole.emplace_back();
    Decoding* const one[] = {decoding.get()};
    while (!decoding->done()) {
      FM_ASSIGN(const std::vector<ImageBlock> pieces, decode_next(one));
      const ImageBlock& piece = pieces.front();
      window.width = piece.width;
      window.height = piece.height;
      window.frames += piece.frames;
      window.values.insert(window.values.end(), piece.values.begin(), piece.values.end());
    }
  }
  return whole;
}

}  // namespace framemill::gpu
