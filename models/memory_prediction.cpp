#include "models/memory_prediction.h"

#include <algorithm>
#include <cmath>

#include "models/wan/tensors.h"
#include "models/weights.h"

namespace framemill::models {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr int kRows = 2;  // guided and unguided

template <class Shapes>
double elements(const Shapes& shapes) {
  double sum = 0;
  for (const auto& [name, shape] : shapes) {
    double count = 1;
    for (const std::int64_t extent : shape) count *= static_cast<double>(extent);
    sum += count;
  }
  return sum;
}

double compute_bytes(const Component& component) {
  return component.compute == ComputeDtype::Bf16 ? 2 : 4;
}

double parameters(const ComponentConfig& config) {
  if (const auto* c = std::get_if<WanTransformerConfig>(&config)) return elements(tensors_of(*c));
  if (const auto* c = std::get_if<WanAutoencoderConfig>(&config)) return elements(tensors_of(*c));
  if (const auto* c = std::get_if<Umt5Config>(&config)) return elements(tensors_of(*c));
  if (const auto* c = std::get_if<NetworkShape>(&config)) return elements(network_tensors(*c));
  return 0;
}

// Of one token in one row: the stream in f32, and beside it what feed-forward or what attention holds (its input, q, k,
// v and output, and two of these turned by their positions in f64).
double token_bytes(const WanTransformerConfig& c, double bytes) {
  const double width = c.width();
  const double feed_forward = bytes * (width + 2.0 * c.ffn_dim);
  const double attention = bytes * 5 * width + 16 * width;
  return 4 * width + std::max(feed_forward, attention);
}

double voxel_bytes(const WanTransformerConfig& t, const WanAutoencoderConfig& a, double bytes) {
  const double cell = double(a.time_ratio) * a.space_ratio * a.space_ratio;  // pixels and frames of a latent cell
  const double token = cell * t.patch_time * t.patch_height * t.patch_width;
  constexpr int kCopies = 6;  // latents, noise, predictions and what a sampler keeps, in f32
  return kRows * token_bytes(t, bytes) / token + kCopies * sizeof(float) * t.in_channels / cell;
}

double pixel_bytes(const WanAutoencoderConfig& a, double bytes) {
  const double fold = a.patch_size > 0 ? double(a.patch_size) * a.patch_size : 1;
  const double base = a.decoder_width();
  constexpr int kCopies = 4;      // input, normed, output, shortcut
  constexpr int kKeptFrames = 2;  // of each causal convolution
  double kept = 0, area = 1;
  for (const int factor : a.dim_mult) {
    kept += kKeptFrames * 2.0 * (a.residual_blocks + 1) * base * factor * area;
    area /= 4;
  }
  return (bytes * (kCopies * base * a.dim_mult.front() * a.time_ratio + kept)) / fold +
         3.0 * sizeof(float) * a.time_ratio;
}

std::uint64_t whole(double bytes) {
  return static_cast<std::uint64_t>(std::ceil(bytes));
}

}  // namespace

jobs::MemoryPrior predicted_memory(const Manifest& manifest, MemoryOf device) {
  jobs::MemoryPrior prior;
  double encoder = 0, others = 0;
  for (const Component& component : manifest.components) {
    const double weights = parameters(component.config) * compute_bytes(component);
    (component.role == ComponentRole::TextEncoder ? encoder : others) += weights;
  }
  prior.resident_bytes = whole(std::max(encoder, others));
  prior.host_bytes = device == MemoryOf::Cpu ? 300 * kMiB : 1536 * kMiB;
  const Component* denoiser = manifest.component(ComponentRole::Denoiser);
  const Component* autoencoder = manifest.component(ComponentRole::Autoencoder);
  if (denoiser == nullptr) return prior;
  if (const auto* demo = std::get_if<NetworkShape>(&denoiser->config)) {  // decodes the whole window at once
    prior.voxel_bytes = whole(3.0 * sizeof(float) * (demo->decoder_fine_width + 3));
    return prior;
  }
  const auto* transformer = std::get_if<WanTransformerConfig>(&denoiser->config);
  if (transformer == nullptr || autoencoder == nullptr) return prior;
  const auto& a = std::get<WanAutoencoderConfig>(autoencoder->config);
  prior.per_window_bytes =
      whole(kRows * sizeof(float) * double(manifest.conditioning.max_tokens) * transformer->text_dim);
  prior.voxel_bytes = whole(voxel_bytes(*transformer, a, compute_bytes(*denoiser)));
  prior.pixel_bytes = whole(pixel_bytes(a, compute_bytes(*autoencoder)));
  return prior;
}

}  // namespace framemill::models
