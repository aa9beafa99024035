// A window on its way from latents to pictures, a latent frame at a time.
#pragma once

#include <memory>
#include <optional>

#include "gpu/generator.h"
#include "gpu/torch/mapped_weights.h"
#include "gpu/torch/wan/autoencoder.h"

namespace framemill::gpu {

// What runs out of memory begins again at the next try, and passes over what was handed out.
class WanDecoding final : public Decoding {
 public:
  // `raw`: [1, z, f, h, w] on the device, `frames` pictures in all. The configuration outlives it.
  WanDecoding(const models::WanAutoencoderConfig& config, at::Tensor raw, at::ScalarType compute, int frames)
      : config_(config), raw_(std::move(raw)), compute_(compute), frames_(frames) {}

  int frames_done() const override { return frames_done_; }
  int frames() const override { return frames_; }
  std::int64_t height() const { return raw_.size(3) * config_.space_ratio; }
  std::int64_t width() const { return raw_.size(4) * config_.space_ratio; }

  // Makes the next pictures, unless they are waiting to be taken. Throws what LibTorch throws.
  void prepare(const std::shared_ptr<const LoadedWeights>& weights);
  ImageBlock take();

 private:
  const models::WanAutoencoderConfig& config_;
  const at::Tensor raw_;
  const at::ScalarType compute_;
  const int frames_;
  int frames_done_ = 0;
  std::int64_t pieces_ = 0;  // handed out
  std::shared_ptr<const LoadedWeights> weights_;
  std::optional<WanDecoder> decoder_;
  ImageBlock ready_;
};

}  // namespace framemill::gpu
