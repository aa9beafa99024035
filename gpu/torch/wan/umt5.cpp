#include "gpu/torch/wan/umt5.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace framemill::gpu {
namespace {

using models::Umt5Config;

struct Encoder {
  const Parameters& p;
  const Umt5Config& config;
  at::ScalarType compute;

  at::Tensor project(const std::string& name, const at::Tensor& x) const {
    return at::linear(x.to(compute), p[name + ".weight"].to(compute)).to(at::kFloat);
  }

  // x over its root mean square, times name.weight.
  at::Tensor norm(const std::string& name, const at::Tensor& x) const {
    const at::Tensor mean_square = x.square().mean(-1, true);
    return (x * at::rsqrt(mean_square + config.epsilon)).mul_(p[name + ".weight"].to(at::kFloat));
  }

  at::Tensor attention(const std::string& name, const at::Tensor& x, const at::Tensor& buckets,
                       const at::Tensor& hidden) const {
    const auto heads = [&](const char* part) {  // [B, heads, L, d_kv]
      return project(name + part, x).unflatten(-1, {config.heads, config.d_kv}).transpose(1, 2);
    };
    // The bias depends on the distance alone: row i of [L, L] is the window of the 2 L - 1 distances that starts at
    // L - 1 - i.
    const at::Tensor table = p[name + ".relative_attention_bias.weight"].to(at::kFloat);
    const at::Tensor bias = at::embedding(table, buckets).t().unfold(1, x.size(1), 1).flip(1);
    const at::Tensor seen =
        at::scaled_dot_product_attention(heads(".q"), heads(".k"), heads(".v"), bias + hidden, 0.0, false, 1.0);
    return project(name + ".o", seen.transpose(1, 2).flatten(2));
  }

  at::Tensor feed_forward(const std::string& name, const at::Tensor& x) const {
    return project(name + ".wo", at::gelu(project(name + ".wi_0", x), "tanh").mul_(project(name + ".wi_1", x)));
  }
};

// Of the distances 1 - L to L - 1 (key after query: positive). A half of the buckets for each direction; of those the
// first half one per distance, the others on a logarithmic scale up to the greatest distance.
at::Tensor buckets_of_distances(const Umt5Config& config, std::int64_t length, at::Device device) {
  const at::Tensor distance = at::arange(1 - length, length, at::TensorOptions().dtype(at::kLong).device(device));
  const at::Tensor steps = distance.abs();
  const int half = config.relative_buckets / 2, exact = half / 2;
  const double range = std::log(static_cast<double>(config.relative_max_distance) / exact);
  const at::Tensor far = (at::log(steps.to(at::kFloat) / exact) / range * (half - exact)).clamp_min(0).to(at::kLong);
  return at::where(steps < exact, steps, (far + exact).clamp_max(half - 1)) + (distance > 0).to(at::kLong) * half;
}

}  // namespace

at::Tensor umt5_encode(const Parameters& p, const Umt5Config& config, const at::Tensor& tokens, const at::Tensor& mask,
                       at::ScalarType compute, const std::function<void()>& after_layer) {
  const at::Tensor counts = mask.ne(0);
  at::Tensor out = at::zeros({tokens.size(0), tokens.size(1), config.d_model}, tokens.options().dtype(at::kFloat));
  const at::Tensor used = counts.any(0).nonzero();
  if (used.numel() == 0) return out;
  const std::int64_t length = used.max().item<std::int64_t>() + 1;

  const Encoder encoder{p, config, compute};
  const at::Tensor real = counts.narrow(1, 0, length);
  const at::Tensor hidden = at::zeros(real.sizes(), out.options())
                                .masked_fill_(real.logical_not(), -std::numeric_limits<float>::infinity())
                                .unsqueeze(1)
                                .unsqueeze(1);
  const at::Tensor buckets = buckets_of_distances(config, length, tokens.device());
  at::Tensor x = at::embedding(p["shared.weight"], tokens.narrow(1, 0, length)).to(at::kFloat);
  for (int i = 0; i < config.layers; ++i) {
    const std::string block = fmt::format("encoder.block.{}.layer.", i);
    x = x + encoder.attention(block + "0.SelfAttention", encoder.norm(block + "0.layer_norm", x), buckets, hidden);
    x = x + encoder.feed_forward(block + "1.DenseReluDense", encoder.norm(block + "1.layer_norm", x));
    if (after_layer) after_layer();
  }
  x = encoder.norm("encoder.final_layer_norm", x);
  // Chosen, not multiplied: a row without any token is NaN by now.
  out.narrow(1, 0, length).copy_(at::where(real.unsqueeze(-1), x, at::zeros({}, x.options())));
  return out;
}

}  // namespace framemill::gpu
