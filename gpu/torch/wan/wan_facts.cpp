#include "gpu/torch/wan/wan_facts.h"

#include <fmt/format.h>

#include <algorithm>

namespace framemill::gpu {

using models::ComponentRole;

bool is_wan(const models::Manifest& manifest) {
  const models::Component* denoiser = manifest.component(ComponentRole::Denoiser);
  return denoiser != nullptr && denoiser->architecture == models::kWanTransformer;
}

SamplerSettings sampler_settings(const models::Manifest& manifest) {
  SamplerSettings settings;
  settings.kind = *sampler_kind_of(models::kSamplerKinds[static_cast<std::size_t>(manifest.sampler)]);
  settings.prediction = *prediction_of(models::kPredictions[static_cast<std::size_t>(manifest.prediction)]);
  settings.shift = manifest.noise_shift;
  return settings;
}

base::Status check_supported(const models::Manifest& manifest) {
  const auto lacks = [](const std::string& what) {
    return base::Error{"model.unsupported", what, "", "docs/your-model.md lists what runs"};
  };
  for (const ComponentRole role : {ComponentRole::TextEncoder, ComponentRole::Autoencoder, ComponentRole::Tokenizer})
    if (manifest.component(role) == nullptr)
      return lacks(fmt::format("the package has no component {}", models::name(role)));
  for (const ComponentRole role : {ComponentRole::Denoiser, ComponentRole::DenoiserHighNoise}) {
    if (manifest.component(role) == nullptr) continue;
    const auto& config = std::get<models::WanTransformerConfig>(manifest.component(role)->config);
    if (config.image_dim != 0) return lacks("models that take image embeddings (image to video of 2.1) do not run yet");
    if (!config.vace_layers.empty()) return lacks("VACE models do not run yet");
  }
  return {};
}

// With the package's own where the shape has 0.
WindowShape WanFacts::whole(const WindowShape& shape) const {
  return {shape.frames > 0 ? shape.frames : latents_of(m_.window_frames), shape.width > 0 ? shape.width : m_.width,
          shape.height > 0 ? shape.height : m_.height};
}

WindowShape WanFacts::shape_of(const LatentBlock& block) const {
  const int ratio = autoencoder().space_ratio;
  return {block.frames, block.width * ratio, block.height * ratio};
}

base::Status WanFacts::check_shape(const WindowShape& shape) const {
  const std::int64_t frames = m_.time_ratio.frames(shape.frames);
  const int frames_max = std::max(m_.limits.frames_max, m_.window_frames);
  if (shape.frames < 1 || frames > frames_max)
    return base::Error{"model.frames",
                       fmt::format("a window of {} frames; the model makes at most {}", frames, frames_max), "window",
                       ""};
  if (shape.width == m_.width && shape.height == m_.height) return {};
  const int multiple = std::max(m_.limits.size_multiple, 1);
  if (m_.limits.size_multiple == 0 || shape.width < multiple || shape.height < multiple ||
      shape.width % multiple != 0 || shape.height % multiple != 0 || shape.width > m_.limits.width_max ||
      shape.height > m_.limits.height_max || std::int64_t{shape.width} * shape.height > m_.limits.pixels_max)
    return base::Error{"model.size",
                       fmt::format("the model does not make pictures of {} x {}", shape.width, shape.height), "size",
                       fmt::format("multiples of {}, up to {} x {} and {} pixels in all", multiple, m_.limits.width_max,
                                   m_.limits.height_max, m_.limits.pixels_max)};
  return {};
}

base::Status WanFacts::check_block(const LatentBlock& block, const WindowShape& shape, int frames) const {
  const int ratio = autoencoder().space_ratio;
  if (block.consistent() && block.frames == frames && block.channels == autoencoder().z_dim &&
      block.height == shape.height / ratio && block.width == shape.width / ratio)
    return {};
  return base::Error{
      "gpu.latent_shape",
      fmt::format("latents are {}x{}x{}x{}; wanted are {}x{}x{}x{}", block.frames, block.channels, block.height,
                  block.width, frames, autoencoder().z_dim, shape.height / ratio, shape.width / ratio),
      "", ""};
}

base::Status WanFacts::check_request(const WindowRequest& request, const WindowShape& shape) const {
  if (request.steps < 0 || request.steps > m_.steps_max)
    return base::Error{"model.steps", fmt::format("steps is 1 to {}", m_.steps_max), "steps", ""};
  if (request.guidance && !(*request.guidance >= 0.0f && *request.guidance <= m_.guidance_max))
    return base::Error{"model.guidance", fmt::format("guidance is 0 to {}", m_.guidance_max), "guidance", ""};
  FM_TRY(check_shape(shape));
  const std::vector<int>& clean = request.clean_frames;
  for (std::size_t i = 0; i < clean.size(); ++i)
    if (clean[i] < 0 || clean[i] >= shape.frames || (i > 0 && clean[i] <= clean[i - 1]))
      return base::Error{"gpu.latent_shape", "clean frames are ascending and inside the window", "", ""};
  if (!clean.empty() && m_.context_frames == 0)
    return base::Error{"model.context", m_.id() + " makes windows from text alone", "input",
                       "an image-to-video package begins with given frames"};
  if (takes_condition() && (clean.empty() || clean.back() + 1 != static_cast<int>(clean.size())))
    return base::Error{"model.context", m_.id() + " begins every window with given frames", "input",
                       "give the layer an input that ends with the first picture"};
  if (!clean.empty()) FM_TRY(check_block(request.clean_latents, shape, static_cast<int>(clean.size())));
  if (!request.mask) return {};
  FM_TRY(check_block(request.mask->latents, shape, shape.frames));
  const LatentBlock& known = request.mask->latents;
  if (request.mask->known.size() != static_cast<std::size_t>(known.frames) * known.height * known.width)
    return base::Error{"gpu.latent_shape", "a mask has one entry per latent cell", "", ""};
  return {};
}

base::Result<Sampler> WanFacts::sampler_of(const WindowRequest& request) const {
  return Sampler::make(sampler_settings(m_), request.steps > 0 ? request.steps : m_.default_steps);
}

}  // namespace framemill::gpu
