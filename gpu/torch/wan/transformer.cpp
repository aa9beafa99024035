#include "gpu/torch/wan/transformer.h"

#include <cmath>
#include <optional>

#include "base/check.h"
#include "gpu/torch/layers.h"
#include "gpu/torch/wan/level_runs.h"

namespace framemill::gpu {
namespace {

using models::WanTransformerConfig;

constexpr double kImageEpsilon = 1e-5;
constexpr double kRotaryBase = 10'000.0, kLevelBase = 10'000.0;
// Tokens whose hidden values of the feed-forward layer are held at a time: those of a whole window of 480p would be the
// largest tensor of a step.
constexpr std::int64_t kFeedForwardTokens = 8192;

struct Grid {
  std::int64_t frames, rows, columns;  // tokens
  std::int64_t tokens() const { return frames * rows * columns; }
};

// What the attention of all layers looks at beside the latents. [B, L, width] of dtype compute.
struct Context {
  at::Tensor text;
  at::Tensor text_bias;  // [1, L] float32, added to the logits; undefined: zero
  at::Tensor image;      // undefined without
};

// One call of the network. Activations are [B * tokens, width].
class TransformerPass {
 public:
  TransformerPass(const Parameters& p, const WanTransformerConfig& config, const WanInputs& inputs,
                  at::ScalarType compute);
  at::Tensor predict() const;

 private:
  at::Tensor embed_patches(const std::string& name, const at::Tensor& cells) const;
  at::Tensor unfold_patches(const at::Tensor& values) const;
  at::Tensor embed_level() const;
  at::Tensor table_of_layer(const at::Tensor& level) const;
  Context embed_context() const;
  at::Tensor embed_image() const;
  at::Tensor rotary_factors() const;

  void run_layer(const std::string& name, at::Tensor& x, const Context& context) const;
  at::Tensor attend_to_window(const std::string& name, const at::Tensor& x) const;
  at::Tensor attend_to_context(const std::string& name, const at::Tensor& x, const Context& context) const;
  at::Tensor project(const std::string& name, const at::Tensor& x) const { return linear(p_, name, x, compute_); }
  at::Tensor gain(const std::string& name) const { return p_[name + ".weight"].to(at::kFloat); }
  at::Tensor rotated(const std::string& norm, const at::Tensor& x) const;
  at::Tensor normal(const std::string& norm, const at::Tensor& x) const;
  at::Tensor heads_of(const at::Tensor& x) const;
  at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias) const;

  const Parameters& p_;
  const WanTransformerConfig& config_;
  const WanInputs& inputs_;
  const at::ScalarType compute_;
  const std::int64_t batch_;
  const Grid grid_;
  const LevelRuns levels_;
  const at::Tensor rotary_;  // [1, tokens, 1, head_dim / 2] complex
  at::Tensor level_;         // [U, width] float32
  at::Tensor modulation_;    // [U, 6, width] float32, before a layer's own table
};

Grid grid_of(const WanTransformerConfig& config, const at::Tensor& latents) {
  FM_CHECK(latents.dim() == 5, "latents are [B, C, F, h, w]");
  return {latents.size(2) / config.patch_time, latents.size(3) / config.patch_height,
          latents.size(4) / config.patch_width};
}

TransformerPass::TransformerPass(const Parameters& p, const WanTransformerConfig& config, const WanInputs& inputs,
                                 at::ScalarType compute)
    : p_(p), config_(config), inputs_(inputs), compute_(compute), batch_(inputs.latents.size(0)),
      grid_(grid_of(config, inputs.latents)), levels_(inputs.level, grid_.tokens(), inputs.latents.device()),
      rotary_(rotary_factors()), level_(embed_level()), modulation_(table_of_layer(level_)) {
  FM_CHECK(inputs.level.size(0) == batch_, "a noise level for each row");
}

// A convolution whose kernels do not overlap is a matrix product.
at::Tensor TransformerPass::embed_patches(const std::string& name, const at::Tensor& cells) const {
  const at::Tensor patches = cells.unflatten(4, {grid_.columns, config_.patch_width})
                                 .unflatten(3, {grid_.rows, config_.patch_height})
                                 .unflatten(2, {grid_.frames, config_.patch_time})
                                 .permute({0, 2, 4, 6, 1, 3, 5, 7})
                                 .reshape({batch_ * grid_.tokens(), -1});
  const at::Tensor weight = p_[name + ".weight"].flatten(1).to(compute_);
  return at::linear(patches.to(compute_), weight, p_[name + ".bias"].to(compute_)).to(at::kFloat);
}

at::Tensor TransformerPass::unfold_patches(const at::Tensor& values) const {
  const std::int64_t time = config_.patch_time, height = config_.patch_height, width = config_.patch_width;
  return values.to(at::kFloat)
      .view({batch_, grid_.frames, grid_.rows, grid_.columns, time, height, width, -1})
      .permute({0, 7, 1, 4, 2, 5, 3, 6})
      .reshape({batch_, -1, grid_.frames * time, grid_.rows * height, grid_.columns * width});
}

// Cosines and sines of each distinct level at geometric frequencies, through two layers.
at::Tensor TransformerPass::embed_level() const {
  const std::int64_t half = config_.freq_dim / 2;
  const at::Tensor frequencies =
      at::exp(at::arange(half, levels_.distinct().options()) * (-std::log(kLevelBase) / static_cast<double>(half)));
  const at::Tensor angles = levels_.distinct().unsqueeze(1) * frequencies;
  const at::Tensor features =
      at::constant_pad_nd(at::cat({at::cos(angles), at::sin(angles)}, 1), {0, config_.freq_dim % 2});
  const std::string name = "condition_embedder.time_embedder.";
  return linear(p_, name + "linear_2", at::silu(linear(p_, name + "linear_1", features, at::kFloat)), at::kFloat);
}

// In six parts, since the matrix is large and may have to be widened.
at::Tensor TransformerPass::table_of_layer(const at::Tensor& level) const {
  const std::int64_t width = config_.width();
  const at::Tensor signal = at::silu(level), &weight = p_["condition_embedder.time_proj.weight"];
  const at::Tensor bias = p_["condition_embedder.time_proj.bias"].to(at::kFloat);
  std::vector<at::Tensor> parts;
  for (std::int64_t i = 0; i < 6; ++i)
    parts.push_back(
        at::linear(signal, weight.narrow(0, i * width, width).to(at::kFloat), bias.narrow(0, i * width, width)));
  return at::stack(parts, 1);
}

Context TransformerPass::embed_context() const {
  Context context;
  at::Tensor text = inputs_.text;
  if (text.is_cpu() && text.size(1) > 0) {
    // The zeros behind the longest text are all one key and value: one of them with the weight of all is the same sum.
    const at::Tensor used = text.ne(0).any(2).any(0).nonzero();
    const std::int64_t total = text.size(1), length = used.size(0) == 0 ? 0 : used[-1].item<std::int64_t>() + 1;
    if (total - length > 1) {
      text = text.narrow(1, 0, length + 1);
      context.text_bias = at::zeros({1, length + 1});
      context.text_bias[0][length] = std::log(static_cast<double>(total - length));
    }
  }
  const std::string name = "condition_embedder.text_embedder.linear_";
  at::Tensor hidden = project(name + "1", text);
  context.text = project(name + "2", at::gelu_(hidden, "tanh"));
  if (inputs_.image.defined()) context.image = embed_image();
  return context;
}

at::Tensor TransformerPass::embed_image() const {
  const std::string name = "condition_embedder.image_embedder.";
  const auto norm = [&](const std::string& part, const at::Tensor& x) {
    return at::layer_norm(x.to(at::kFloat), {x.size(-1)}, p_[name + part + ".weight"].to(at::kFloat),
                          p_[name + part + ".bias"].to(at::kFloat), kImageEpsilon);
  };
  at::Tensor x = inputs_.image;
  if (p_.has(name + "pos_embed")) x = x + p_[name + "pos_embed"];
  at::Tensor hidden = project(name + "ff.net.0.proj", norm("norm1", x));
  return norm("norm2", project(name + "ff.net.2", at::gelu_(hidden))).to(compute_);
}

// Rotary embedding (Su et al. 2021) along time, height and width, each with its share of a head, which is near a third.
// Pairs of neighbouring values are one complex number. Angles are float64: in float32 far positions would be off.
at::Tensor TransformerPass::rotary_factors() const {
  const std::int64_t side = 2 * (config_.head_dim / 6), time = config_.head_dim - 2 * side;
  const auto options = inputs_.latents.options().dtype(at::kDouble);
  const auto along = [&](std::int64_t extent, std::int64_t dim) {
    const at::Tensor exponents = at::arange(0, dim, 2, options) / static_cast<double>(dim);
    const at::Tensor angles = at::outer(at::arange(extent, options), at::pow(kRotaryBase, exponents).reciprocal());
    return at::polar(at::ones_like(angles), angles).to(at::kComplexFloat);
  };
  const auto spread = [&](const at::Tensor& factors) {
    return factors.expand({grid_.frames, grid_.rows, grid_.columns, -1});
  };
  return at::cat({spread(along(grid_.frames, time).unsqueeze(1).unsqueeze(1)),
                  spread(along(grid_.rows, side).unsqueeze(1)), spread(along(grid_.columns, side))},
                 -1)
      .view({1, grid_.tokens(), 1, config_.head_dim / 2});
}

// One over the root mean square of each row.
at::Tensor inverse_rms(const at::Tensor& x, double epsilon) {
  const at::Tensor norm = at::linalg_vector_norm(x, 2, {{-1}}, true, at::kFloat);
  return norm.square().div_(static_cast<double>(x.size(-1))).add_(epsilon).rsqrt_();
}

// x [B * tokens, width] fresh from a projection: its RMS norm across heads, and the rotation of each token's place.
at::Tensor TransformerPass::rotated(const std::string& norm, const at::Tensor& x) const {
  const at::Tensor scale = inverse_rms(x, config_.epsilon).view({batch_, grid_.tokens(), 1, 1});
  const at::Tensor weighted = x.scalar_type() == at::kFloat ? x.mul_(gain(norm)) : x * gain(norm);
  at::Tensor pairs =
      at::view_as_complex(weighted.view({batch_, grid_.tokens(), config_.heads, config_.head_dim / 2, 2}));
  pairs.mul_(rotary_ * scale);
  return at::view_as_real(pairs).flatten(3).to(compute_).transpose(1, 2);
}

at::Tensor TransformerPass::normal(const std::string& norm, const at::Tensor& x) const {
  const at::Tensor scale = inverse_rms(x, config_.epsilon);
  return heads_of(
      (x.scalar_type() == at::kFloat ? x.mul_(scale).mul_(gain(norm)) : (x * scale).mul_(gain(norm))).to(compute_));
}

// [B, tokens of it, width] or [B * tokens, width] -> [B, heads, tokens of it, head_dim]
at::Tensor TransformerPass::heads_of(const at::Tensor& x) const {
  return x.view({batch_, -1, config_.heads, config_.head_dim}).transpose(1, 2);
}

at::Tensor TransformerPass::attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                      const at::Tensor& bias) const {
  const std::optional<at::Tensor> mask = bias.defined() ? std::optional(bias) : std::nullopt;
  return at::scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).reshape({batch_ * q.size(2), config_.width()});
}

at::Tensor TransformerPass::attend_to_window(const std::string& name, const at::Tensor& x) const {
  const at::Tensor q = rotated(name + "norm_q", project(name + "to_q", x));
  const at::Tensor k = rotated(name + "norm_k", project(name + "to_k", x));
  const at::Tensor v = heads_of(project(name + "to_v", x));
  return project(name + "to_out.0", attention(q, k, v, {}));
}

at::Tensor TransformerPass::attend_to_context(const std::string& name, const at::Tensor& x,
                                              const Context& context) const {
  const at::Tensor q = normal(name + "norm_q", project(name + "to_q", x));
  const at::Tensor k = normal(name + "norm_k", project(name + "to_k", context.text));
  at::Tensor mixed = attention(q, k, heads_of(project(name + "to_v", context.text)), context.text_bias);
  if (context.image.defined()) {
    const at::Tensor image_k = normal(name + "norm_added_k", project(name + "add_k_proj", context.image));
    mixed += attention(q, image_k, heads_of(project(name + "add_v_proj", context.image)), {});
  }
  return project(name + "to_out.0", mixed);
}

void TransformerPass::run_layer(const std::string& name, at::Tensor& x, const Context& context) const {
  const at::Tensor table = modulation_ + p_[name + "scale_shift_table"].to(at::kFloat);
  const auto part = [&](std::int64_t i) { return table.select(1, i); };
  {
    const at::Tensor window = levels_.norm(x, part(0), part(1), config_.epsilon, compute_);
    levels_.add_gated(x, attend_to_window(name + "attn1.", window), part(2));
  }
  at::Tensor asked = x;
  if (config_.cross_attention_norm)
    asked =
        at::layer_norm(x, {x.size(1)}, gain(name + "norm2"), p_[name + "norm2.bias"].to(at::kFloat), config_.epsilon);
  x.add_(attend_to_context(name + "attn2.", asked, context));
  asked.reset();

  const at::Tensor fed = levels_.norm(x, part(3), part(4), config_.epsilon, compute_);
  at::Tensor result = at::empty_like(fed);
  for (std::int64_t begin = 0; begin < x.size(0); begin += kFeedForwardTokens) {
    const std::int64_t count = std::min(kFeedForwardTokens, x.size(0) - begin);
    at::Tensor hidden = project(name + "ffn.net.0.proj", fed.narrow(0, begin, count));
    const at::Tensor out = project(name + "ffn.net.2", at::gelu_(hidden, "tanh"));
    if (count == x.size(0))
      result = out;
    else
      result.narrow(0, begin, count).copy_(out);
  }
  levels_.add_gated(x, result, part(5));
}

at::Tensor TransformerPass::predict() const {
  const Context context = embed_context();
  at::Tensor x = embed_patches("patch_embedding", inputs_.latents);
  at::Tensor control;
  if (inputs_.control.defined())
    control =
        project("vace_blocks.0.proj_in", embed_patches("vace_patch_embedding", inputs_.control)).to(at::kFloat) + x;
  std::size_t hints = 0;
  for (int i = 0; i < config_.layers; ++i) {
    run_layer("blocks." + std::to_string(i) + ".", x, context);
    if (inputs_.after_layer) inputs_.after_layer();
    if (!control.defined() || hints == config_.vace_layers.size() || config_.vace_layers[hints] != i) continue;
    const std::string name = "vace_blocks." + std::to_string(hints) + ".";
    run_layer(name, control, context);
    x.add_(project(name + "proj_out", control), inputs_.control_scale.empty() ? 1.0 : inputs_.control_scale.at(hints));
    ++hints;
  }
  const at::Tensor table = level_.unsqueeze(1) + p_["scale_shift_table"].to(at::kFloat);
  return unfold_patches(
      project("proj_out", levels_.norm(x, table.select(1, 0), table.select(1, 1), config_.epsilon, compute_)));
}

}  // namespace

at::Tensor wan_predict(const Parameters& p, const models::WanTransformerConfig& config, const WanInputs& inputs,
                       at::ScalarType compute) {
  return TransformerPass(p, config, inputs, compute).predict();
}

}  // namespace framemill::gpu
