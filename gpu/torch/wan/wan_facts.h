// What a Wan package says of the windows it makes: sizes, limits, sampler, and whether a request fits. Pure.
#pragma once

#include "gpu/generator.h"
#include "gpu/torch/samplers/sampler.h"
#include "models/package.h"

namespace framemill::gpu {

// Whether the package's denoiser is one of this family.
bool is_wan(const models::Manifest& manifest);

// The manifest's [sampler].
SamplerSettings sampler_settings(const models::Manifest& manifest);

// Errors: model.unsupported for a package whose networks do not run here.
base::Status check_supported(const models::Manifest& manifest);

class WanFacts {
 public:
  // The manifest outlives it, and is_wan() and check_supported().
  explicit WanFacts(const models::Manifest& manifest) : m_(manifest) {}

  const models::Manifest& manifest() const { return m_; }
  const models::WanTransformerConfig& transformer(models::ComponentRole role = models::ComponentRole::Denoiser) const {
    return std::get<models::WanTransformerConfig>(m_.component(role)->config);
  }
  const models::WanAutoencoderConfig& autoencoder() const {
    return std::get<models::WanAutoencoderConfig>(m_.component(models::ComponentRole::Autoencoder)->config);
  }
  const models::Umt5Config& text_encoder() const {
    return std::get<models::Umt5Config>(m_.component(models::ComponentRole::TextEncoder)->config);
  }
  int latents_of(int frames) const { return static_cast<int>(m_.time_ratio.latents(frames)); }
  // Whether the denoiser takes channels beside the latents (image to video).
  bool takes_condition() const { return transformer().in_channels > transformer().out_channels; }

  // With the package's own where the shape has 0.
  WindowShape whole(const WindowShape& shape) const;
  // That of latents.
  WindowShape shape_of(const LatentBlock& block) const;

  // Errors: model.frames, model.size.
  base::Status check_shape(const WindowShape& shape) const;
  // Errors: gpu.latent_shape.
  base::Status check_block(const LatentBlock& block, const WindowShape& shape, int frames) const;
  // Errors: those two, model.steps, model.guidance, model.context.
  base::Status check_request(const WindowRequest& request, const WindowShape& shape) const;
  // Errors: those of Sampler::make.
  base::Result<Sampler> sampler_of(const WindowRequest& request) const;

 private:
  const models::Manifest& m_;
};

}  // namespace framemill::gpu
