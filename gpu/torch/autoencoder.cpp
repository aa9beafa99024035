#include "gpu/torch/autoencoder.h"

#include <ATen/CPUGeneratorImpl.h>

#include "gpu/torch/layers.h"
#include "models/weights.h"

namespace framemill::gpu {
namespace {

using models::kStem;
using models::kStemWidth;

constexpr double kBound = 3.0;  // of a raw latent

void init_residual(Parameters& p, const std::string& name, int width, at::Generator& random) {
  init_conv(p, name + ".a", width, width, 3, 1.4, random);
  init_conv(p, name + ".b", width, width, 3, 0.2, random);
}

at::Tensor residual(const Parameters& p, const std::string& name, const at::Tensor& x, at::ScalarType compute) {
  return x + conv(p, name + ".b", at::silu(conv(p, name + ".a", at::silu(x), compute)), compute);
}

}  // namespace

Parameters init_autoencoder(const models::NetworkShape& s, std::uint64_t seed) {
  at::Generator random = at::detail::createCPUGenerator(seed);
  Parameters p;
  init_conv(p, "encoder.stem", kStemWidth, 3 * kStem * kStem, 3, 1.4, random);
  init_conv(p, "encoder.down", s.encoder_width, kStemWidth, 3, 1.4, random);
  init_residual(p, "encoder.middle", s.encoder_width, random);
  init_conv(p, "encoder.out", s.latent_channels, s.encoder_width, 1, 1.0, random);
  init_conv(p, "decoder.in", s.decoder_width, s.latent_channels, 3, 1.0, random);
  init_residual(p, "decoder.coarse1", s.decoder_width, random);
  init_residual(p, "decoder.coarse2", s.decoder_width, random);
  init_conv(p, "decoder.up", s.decoder_middle_width * 4, s.decoder_width, 3, 1.4, random);
  init_residual(p, "decoder.middle", s.decoder_middle_width, random);
  init_conv(p, "decoder.grow", s.decoder_fine_width * kStem * kStem, s.decoder_middle_width, 3, 1.4, random);
  init_conv(p, "decoder.out", 3, s.decoder_fine_width, 3, 0.5, random);
  p.set("latent.mean", at::zeros({s.latent_channels}));
  p.set("latent.std", at::ones({s.latent_channels}));
  return p;
}

at::Tensor encode_raw(const Parameters& p, const at::Tensor& images, at::ScalarType compute) {
  at::Tensor x = at::pixel_unshuffle(images - 0.5, kStem).to(compute).contiguous(at::MemoryFormat::ChannelsLast);
  x = at::silu(conv(p, "encoder.stem", x, compute));
  x = conv(p, "encoder.down", x, compute, 2);
  x = at::silu(residual(p, "encoder.middle", x, compute));
  x = conv(p, "encoder.out", x, compute).to(at::kFloat);
  return at::tanh(x / kBound) * kBound;
}

at::Tensor decode_raw(const Parameters& p, const at::Tensor& latents, at::ScalarType compute) {
  at::Tensor x = latents.to(compute).contiguous(at::MemoryFormat::ChannelsLast);
  x = conv(p, "decoder.in", x, compute);
  x = residual(p, "decoder.coarse1", x, compute);
  x = residual(p, "decoder.coarse2", x, compute);
  x = at::pixel_shuffle(conv(p, "decoder.up", at::silu(x), compute), 2).contiguous(at::MemoryFormat::ChannelsLast);
  x = residual(p, "decoder.middle", x, compute);
  x = at::pixel_shuffle(conv(p, "decoder.grow", at::silu(x), compute), kStem)
          .contiguous(at::MemoryFormat::ChannelsLast);
  x = conv(p, "decoder.out", at::silu(x), compute);
  return x.to(at::kFloat) + 0.5;
}

at::Tensor normalise_latents(const Parameters& p, const at::Tensor& raw) {
  return (raw - p["latent.mean"].view({-1, 1, 1})) / p["latent.std"].view({-1, 1, 1});
}

at::Tensor denormalise_latents(const Parameters& p, const at::Tensor& latents) {
  return latents * p["latent.std"].view({-1, 1, 1}) + p["latent.mean"].view({-1, 1, 1});
}

}  // namespace framemill::gpu
