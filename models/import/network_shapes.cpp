#include "models/import/network_shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "models/import/network_configs.h"

namespace framemill::models {
namespace {

constexpr int kPublishedHeadDim = 128;
constexpr std::int64_t kExtentMax = 1 << 24;

// The extents of a tensor that may have one of some names; an absent one, or one of fewer dimensions, has extents of 0.
class Shapes {
 public:
  explicit Shapes(const ShapesInFile& shapes) : shapes_(shapes) {}

  bool has(std::initializer_list<std::string> names) const { return find(names) != nullptr; }
  int extent(std::initializer_list<std::string> names, std::size_t dimension) const {
    const auto* shape = find(names);
    if (shape == nullptr || dimension >= shape->size()) return 0;
    return static_cast<int>(std::min((*shape)[dimension], kExtentMax));
  }
  // How many of "prefix.0.ending", "prefix.1.ending" ... there are.
  int count(std::initializer_list<std::pair<const char*, const char*>> patterns) const {
    int most = 0;
    for (const auto& [prefix, ending] : patterns) {
      int i = 0;
      while (shapes_.contains(fmt::format("{}.{}.{}", prefix, i, ending))) ++i;
      most = std::max(most, i);
    }
    return most;
  }

 private:
  const std::vector<std::int64_t>* find(std::initializer_list<std::string> names) const {
    for (const std::string& name : names) {
      if (const auto found = shapes_.find(name); found != shapes_.end()) return &found->second;
    }
    return nullptr;
  }
  const ShapesInFile& shapes_;
};

base::Error unclear(std::string reason) {
  return {"model.import", std::move(reason), "", "give the model's config.json as well"};
}

// The encoder's levels, from the widths of its blocks and where its samplers stand.
struct Levels {
  std::vector<int> widths, blocks;
  std::vector<bool> temporal;
};

Levels nested_levels(const Shapes& in) {
  Levels levels;
  for (int level = 0;; ++level) {
    const std::string canonical = fmt::format("encoder.down_blocks.{}", level);
    const std::string original = fmt::format("encoder.downsamples.{}.downsamples", level);
    int blocks = 0, width = 0;
    while (true) {
      const int outputs = in.extent({fmt::format("{}.resnets.{}.conv1.weight", canonical, blocks),
                                     fmt::format("{}.{}.residual.2.weight", original, blocks)},
                                    0);
      if (outputs == 0) break;
      width = outputs;
      ++blocks;
    }
    if (blocks == 0) return levels;
    levels.widths.push_back(width);
    levels.blocks.push_back(blocks);
    const auto sampler = [&](const char* part) {
      return in.has({fmt::format("{}.downsampler.{}.weight", canonical, part),
                     fmt::format("{}.{}.{}.weight", original, blocks, part)});
    };
    if (!sampler("resample.1")) return levels;
    levels.temporal.push_back(sampler("time_conv"));
  }
}

Levels flat_levels(const Shapes& in) {
  Levels levels;
  int blocks = 0, width = 0;
  for (int i = 0;; ++i) {
    const std::string canonical = fmt::format("encoder.down_blocks.{}", i);
    const std::string original = fmt::format("encoder.downsamples.{}", i);
    const int outputs = in.extent({canonical + ".conv1.weight", original + ".residual.2.weight"}, 0);
    if (outputs > 0) {
      width = outputs;
      ++blocks;
      continue;
    }
    if (blocks > 0) {
      levels.widths.push_back(width);
      levels.blocks.push_back(blocks);
    }
    blocks = 0;
    if (!in.has({canonical + ".resample.1.weight", original + ".resample.1.weight"})) return levels;
    levels.temporal.push_back(in.has({canonical + ".time_conv.weight", original + ".time_conv.weight"}));
  }
}

base::Status take_heads(WanTransformerConfig& c, int width, std::optional<int> heads, std::vector<std::string>& notes) {
  if (heads) {
    if (*heads < 1 || width % *heads != 0)
      return base::Error{"model.import", fmt::format("{} heads do not divide a width of {}", *heads, width), "", ""};
    c.heads = *heads;
    c.head_dim = width / *heads;
    return {};
  }
  if (width < kPublishedHeadDim || width % kPublishedHeadDim != 0)
    return unclear(fmt::format("the denoiser is {} wide, and its file does not tell how many heads it has", width));
  c.head_dim = kPublishedHeadDim;
  c.heads = width / kPublishedHeadDim;
  notes.push_back(fmt::format("the denoiser has {} heads of {}, as published models have", c.heads, c.head_dim));
  return {};
}

void take_control(WanTransformerConfig& c, const Shapes& in, std::vector<std::string>& notes) {
  const int blocks = in.count({{"vace_blocks", "attn1.to_q.weight"}, {"vace_blocks", "self_attn.q.weight"}});
  if (blocks == 0) return;
  c.vace_in_channels = in.extent({"vace_patch_embedding.weight"}, 1);
  const int stride = std::max(1, c.layers / blocks);
  for (int i = 0; i < blocks; ++i) c.vace_layers.push_back(i * stride);
  notes.push_back(fmt::format("the control branch joins every {} layers, as in published models", stride));
}

}  // namespace

std::optional<NetworkKind> network_of(const ShapesInFile& shapes) {
  const Shapes in(shapes);
  if (in.has({"blocks.0.attn1.to_q.weight", "blocks.0.self_attn.q.weight"})) return NetworkKind::Transformer;
  if (in.has({"encoder.block.0.layer.0.SelfAttention.q.weight", "blocks.0.attn.q.weight"}))
    return NetworkKind::TextEncoder;
  if (in.has({"decoder.conv_in.weight", "decoder.conv1.weight"}) && in.has({"post_quant_conv.weight", "conv2.weight"}))
    return NetworkKind::Autoencoder;
  return std::nullopt;
}

bool is_adapter(const ShapesInFile& shapes) {
  return std::any_of(shapes.begin(), shapes.end(), [](const auto& entry) {
    return entry.first.find(".lora_") != std::string::npos || entry.first.find("lora_unet_") != std::string::npos;
  });
}

base::Result<WanTransformerConfig> transformer_from_shapes(const ShapesInFile& shapes, std::optional<int> heads,
                                                           std::vector<std::string>& notes) {
  const Shapes in(shapes);
  WanTransformerConfig c;
  const std::string patch = "patch_embedding.weight";
  c.in_channels = in.extent({patch}, 1);
  c.patch_time = in.extent({patch}, 2);
  c.patch_height = in.extent({patch}, 3);
  c.patch_width = in.extent({patch}, 4);
  FM_TRY(take_heads(c, in.extent({patch}, 0), heads, notes));
  c.text_dim = in.extent({"condition_embedder.text_embedder.linear_1.weight", "text_embedding.0.weight"}, 1);
  c.freq_dim = in.extent({"condition_embedder.time_embedder.linear_1.weight", "time_embedding.0.weight"}, 1);
  c.ffn_dim = in.extent({"blocks.0.ffn.net.0.proj.weight", "blocks.0.ffn.0.weight"}, 0);
  c.layers = in.count({{"blocks", "attn1.to_q.weight"}, {"blocks", "self_attn.q.weight"}});
  const std::int64_t cells = std::int64_t{1} * std::min(c.patch_time, 1024) * std::min(c.patch_height, 1024) *
                             std::min(c.patch_width, 1024);  // check() knows their real limits
  const std::int64_t outputs = in.extent({"proj_out.weight", "head.head.weight"}, 0);
  c.out_channels = cells == 0 ? 0 : static_cast<int>(outputs / cells);
  // Canonically the norm before cross-attention is norm2; in the other naming only norm3 has weights.
  c.cross_attention_norm = in.has({"blocks.0.norm2.weight", "blocks.0.norm3.weight"});
  c.image_dim = in.extent({"condition_embedder.image_embedder.norm1.weight", "img_emb.proj.0.weight"}, 0);
  c.added_kv_dim = in.extent({"blocks.0.attn2.add_k_proj.weight", "blocks.0.cross_attn.k_img.weight"}, 1);
  c.position_embedding_length = in.extent({"condition_embedder.image_embedder.pos_embed", "img_emb.emb_pos"}, 1);
  take_control(c, in, notes);
  FM_TRY(check(c));
  return c;
}

base::Result<WanAutoencoderConfig> autoencoder_from_shapes(const ShapesInFile& shapes) {
  const Shapes in(shapes);
  WanAutoencoderConfig c;
  c.is_residual =
      in.has({"encoder.down_blocks.0.resnets.0.conv1.weight", "encoder.downsamples.0.downsamples.0.residual.2.weight"});
  c.base_dim = in.extent({"encoder.conv_in.weight", "encoder.conv1.weight"}, 0);
  c.in_channels = in.extent({"encoder.conv_in.weight", "encoder.conv1.weight"}, 1);
  c.out_channels = in.extent({"decoder.conv_out.weight", "decoder.head.2.weight"}, 0);
  c.z_dim = in.extent({"post_quant_conv.weight", "conv2.weight"}, 0);
  for (int patch = 2; patch <= 8; ++patch) {
    if (c.in_channels == 3 * patch * patch) c.patch_size = patch;
  }
  const Levels levels = c.is_residual ? nested_levels(in) : flat_levels(in);
  if (levels.widths.empty() || c.base_dim == 0) return unclear("the autoencoder's levels are not told by its tensors");
  c.residual_blocks = levels.blocks.front();
  c.temporal_downsample = levels.temporal;
  c.dim_mult.clear();
  for (const int width : levels.widths) {
    if (width % c.base_dim != 0) return unclear("the autoencoder's widths are not multiples of the first");
    c.dim_mult.push_back(width / c.base_dim);
  }
  const int finest = in.extent({"decoder.norm_out.gamma", "decoder.head.0.gamma"}, 0);
  const int decoder_base = c.dim_mult.front() == 0 ? 0 : finest / c.dim_mult.front();
  c.decoder_base_dim = decoder_base == c.base_dim ? 0 : decoder_base;
  complete_autoencoder(c);
  if (c.latents_mean.empty())
    return unclear(fmt::format("the statistics of an autoencoder's {} latent channels are not in its file", c.z_dim));
  FM_TRY(check(c));
  return c;
}

base::Result<Umt5Config> text_encoder_from_shapes(const ShapesInFile& shapes) {
  const Shapes in(shapes);
  Umt5Config c;
  const std::initializer_list<std::string> embedding = {"shared.weight", "token_embedding.weight",
                                                        "encoder.embed_tokens.weight"};
  c.vocabulary = in.extent(embedding, 0);
  c.d_model = in.extent(embedding, 1);
  const std::string block = "encoder.block.0.layer.";
  const std::initializer_list<std::string> bias = {block + "0.SelfAttention.relative_attention_bias.weight",
                                                   "blocks.0.pos_embedding.embedding.weight"};
  c.relative_buckets = in.extent(bias, 0);
  c.heads = in.extent(bias, 1);
  const int inner = in.extent({block + "0.SelfAttention.q.weight", "blocks.0.attn.q.weight"}, 0);
  c.d_kv = c.heads == 0 ? 0 : inner / c.heads;
  c.d_ff = in.extent({block + "1.DenseReluDense.wi_0.weight", "blocks.0.ffn.gate.0.weight"}, 0);
  c.layers = in.count({{"encoder.block", "layer.0.SelfAttention.q.weight"}, {"blocks", "attn.q.weight"}});
  FM_TRY(check(c));
  return c;
}

}  // namespace framemill::models
