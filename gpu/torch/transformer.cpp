#include "gpu/torch/transformer.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "gpu/torch/layers.h"
#include "models/weights.h"

namespace framemill::gpu {
namespace {

using models::kSummaryRank;
using models::kTimeFeatures;

std::string layer_name(int layer) {
  return "layer" + std::to_string(layer) + ".";
}

// Sines and cosines of the noise level at geometric frequencies (Vaswani et al. 2017, section 3.5).
at::Tensor level_features(const at::Tensor& level) {
  const int half = kTimeFeatures / 2;
  const at::Tensor frequencies = at::exp(at::arange(half, level.options()) * (std::log(1000.0) / (half - 1))).mul(0.5);
  const at::Tensor angle = level.unsqueeze(-1) * frequencies;
  return at::cat({at::sin(angle), at::cos(angle)}, -1);
}

// Condition tokens [B, T, D]: one per scene slot, one per object (the sum of its slots, so that a colour belongs to its
// object).
at::Tensor condition_tokens(const Parameters& p, const models::NetworkShape& s, const at::Tensor& condition) {
  std::vector<at::Tensor> tokens;
  std::int64_t column = 0;
  for (std::size_t i = 0; i < s.scene_values.size(); ++i)
    tokens.push_back(at::embedding(p["scene" + std::to_string(i)], condition.select(1, column++)));
  for (int object = 0; object < s.objects; ++object) {
    at::Tensor sum;
    for (std::size_t i = 0; i < s.object_values.size(); ++i) {
      const at::Tensor part = at::embedding(p["object" + std::to_string(i)], condition.select(1, column++));
      sum = sum.defined() ? sum + part : part;
    }
    tokens.push_back(sum);
  }
  return at::stack(tokens, 1) + p["condition.place"];
}

at::Tensor rms_normal(const at::Tensor& x, const at::Tensor& gain) {
  return x * at::rsqrt(x.square().mean(-1, true) + 1e-6) * gain;
}

// Splits [B, N, D] into heads [B, H, N, D / H] and normalises, for queries and keys.
at::Tensor split_heads(const at::Tensor& x, int heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

at::Tensor attend(const Parameters& p, const std::string& name, const models::NetworkShape& s, const at::Tensor& x,
                  const at::Tensor& condition, at::ScalarType compute) {
  const std::int64_t d = s.width;
  const at::Tensor all = at::cat({x, condition}, 1);  // queries come from the frames alone
  const at::Tensor qkv = linear(p, name + "qkv", all, compute);
  const at::Tensor q = split_heads(qkv.narrow(1, 0, x.size(1)).narrow(2, 0, d), s.heads);
  const at::Tensor k = split_heads(qkv.narrow(2, d, d), s.heads);
  const at::Tensor v = split_heads(qkv.narrow(2, 2 * d, d), s.heads);
  const double scale = 1.0 / std::sqrt(static_cast<double>(d / s.heads));
  const at::Tensor qn = (rms_normal(q.to(at::kFloat), p[name + "q_gain"]) * scale).to(compute);
  const at::Tensor kn = rms_normal(k.to(at::kFloat), p[name + "k_gain"]).to(compute);
  const at::Tensor weights = at::softmax(at::matmul(qn, kn.transpose(-1, -2)), -1);
  const at::Tensor mixed = at::matmul(weights, v).transpose(1, 2).reshape({x.size(0), x.size(1), d});
  return linear(p, name + "attention_out", mixed, compute);
}

// [B, F, C, h, w] -> [B, F * tokens, C * patch * patch]
at::Tensor to_patches(const at::Tensor& x, int patch) {
  const auto b = x.size(0), f = x.size(1), c = x.size(2), h = x.size(3) / patch, w = x.size(4) / patch;
  return x.reshape({b, f, c, h, patch, w, patch})
      .permute({0, 1, 3, 5, 2, 4, 6})
      .reshape({b, f * h * w, c * patch * patch});
}

at::Tensor from_patches(const at::Tensor& x, const at::Tensor& like, int patch) {
  const auto b = like.size(0), f = like.size(1), c = like.size(2), h = like.size(3) / patch, w = like.size(4) / patch;
  return x.reshape({b, f, h, w, c, patch, patch}).permute({0, 1, 4, 2, 5, 3, 6}).reshape(like.sizes());
}

// Adaptive layer norm over tokens [B, F * n, D] with shift and scale per frame [B, F, D].
at::Tensor modulated(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale) {
  const auto b = x.size(0), f = shift.size(1), d = x.size(2);
  const at::Tensor normal = at::layer_norm(x, {d}).view({b, f, -1, d});
  return at::addcmul(shift.unsqueeze(2), normal, scale.unsqueeze(2) + 1.0).view({b, -1, d});
}

at::Tensor gated(const at::Tensor& x, const at::Tensor& gate) {
  const auto b = x.size(0), f = gate.size(1), d = x.size(2);
  return (x.view({b, f, -1, d}) * gate.unsqueeze(2)).view({b, -1, d});
}

}  // namespace

Parameters init_transformer(const models::NetworkShape& s, std::uint64_t seed) {
  at::Generator random = at::detail::createCPUGenerator(seed);
  Parameters p;
  const int d = s.width, patch_size = s.latent_channels * s.patch * s.patch;
  init_linear(p, "patch_in", d, patch_size, 1.0, random);
  init_linear(p, "patch_out", patch_size, d, 0.1, random);
  p.set("place.space", at::randn({s.tokens_per_frame(), d}, random, at::kFloat) * 0.3);
  p.set("place.time", at::randn({s.window_frames, d}, random, at::kFloat) * 0.3);
  p.set("condition.place", at::randn({s.condition_tokens(), d}, random, at::kFloat) * 0.3);
  for (std::size_t i = 0; i < s.scene_values.size(); ++i)
    p.set("scene" + std::to_string(i), at::randn({s.scene_values[i] + 1, d}, random, at::kFloat) * 0.5);
  for (std::size_t i = 0; i < s.object_values.size(); ++i)
    p.set("object" + std::to_string(i), at::randn({s.object_values[i] + 1, d}, random, at::kFloat) * 0.5);
  init_linear(p, "level.a", d, kTimeFeatures, 1.4, random);
  init_linear(p, "level.b", d, d, 1.0, random);
  init_linear(p, "summary.a", kSummaryRank, d, 1.0, random);
  init_linear(p, "summary.b", d, kSummaryRank * s.condition_tokens(), 1.0, random);
  init_linear(p, "final.modulation", 2 * d, d, 0.1, random);
  for (int i = 0; i < s.layers; ++i) {
    const std::string name = layer_name(i);
    init_linear(p, name + "modulation_a", s.modulation_rank, d, 1.0, random);
    init_linear(p, name + "modulation_b", 6 * d, s.modulation_rank, 0.1, random);
    p[name + "modulation_b.bias"].view({6, d}).select(0, 2).fill_(0.3);  // gates start a little open
    p[name + "modulation_b.bias"].view({6, d}).select(0, 5).fill_(0.3);
    init_linear(p, name + "qkv", 3 * d, d, 1.0, random);
    init_linear(p, name + "attention_out", d, d, 0.5, random);
    p.set(name + "q_gain", at::ones({d / s.heads}) * 1.5);
    p.set(name + "k_gain", at::ones({d / s.heads}) * 1.5);
    init_linear(p, name + "mlp_in", 4 * d, d, 1.4, random);
    init_linear(p, name + "mlp_out", d, 4 * d, 0.5, random);
  }
  return p;
}

at::Tensor predict_clean(const Parameters& p, const models::NetworkShape& s, const at::Tensor& noisy,
                         const at::Tensor& level, const at::Tensor& condition, at::ScalarType compute) {
  const auto batch = noisy.size(0), frames = noisy.size(1);
  const std::int64_t d = s.width;
  const at::Tensor words = condition_tokens(p, s, condition);
  const at::Tensor summary =
      linear(p, "summary.b", linear(p, "summary.a", words, at::kFloat).view({batch, -1}), at::kFloat);
  at::Tensor signal =
      linear(p, "level.b", at::silu(linear(p, "level.a", level_features(level), at::kFloat)), at::kFloat);
  signal = at::silu(signal + summary.unsqueeze(1));  // [B, F, D]

  at::Tensor x = linear(p, "patch_in", to_patches(noisy, s.patch), at::kFloat).view({batch, frames, -1, d});
  x = (x + p["place.space"] + p["place.time"].narrow(0, 0, frames).unsqueeze(1)).view({batch, -1, d});
  const at::Tensor words_normal = at::layer_norm(words, {d});
  for (int i = 0; i < s.layers; ++i) {
    const std::string name = layer_name(i);
    const at::Tensor m =
        linear(p, name + "modulation_b", linear(p, name + "modulation_a", signal, at::kFloat), at::kFloat);
    const auto part = [&](int k) { return m.narrow(2, k * d, d); };
    x = x + gated(attend(p, name, s, modulated(x, part(0), part(1)), words_normal, compute), part(2));
    const at::Tensor hidden = at::gelu(linear(p, name + "mlp_in", modulated(x, part(3), part(4)), compute));
    x = x + gated(linear(p, name + "mlp_out", hidden, compute), part(5));
  }
  const at::Tensor last = linear(p, "final.modulation", signal, at::kFloat);
  x = modulated(x, last.narrow(2, 0, d), last.narrow(2, d, d));
  return from_patches(linear(p, "patch_out", x, at::kFloat), noisy, s.patch);
}

}  // namespace framemill::gpu
