#include "gpu/torch/wan/wan_decoding.h"

#include <utility>

#include "gpu/torch/tensor_blocks.h"

namespace framemill::gpu {

void WanDecoding::prepare(const std::shared_ptr<const LoadedWeights>& weights) {
  if (ready_.frames > 0) return;
  try {
    if (!decoder_) {
      weights_ = weights;
      decoder_.emplace(weights_->parameters, config_, raw_, compute_);
    }
    while (decoder_->frames_done() < pieces_) decoder_->next();
    const at::Tensor pictures = decoder_->next();  // [1, 3, T, H, W] in -1..1
    ready_ = images_of((pictures[0].permute({1, 2, 3, 0}) * 0.5 + 0.5).clamp(0.0, 1.0));
  } catch (...) {
    decoder_.reset();
    throw;
  }
}

ImageBlock WanDecoding::take() {
  ++pieces_;
  frames_done_ += ready_.frames;
  if (done()) decoder_.reset(), weights_.reset();
  return std::exchange(ready_, {});
}

}  // namespace framemill::gpu
