#include <cstdint>
#include <string>

#include "models/wan/tensor_list.h"
#include "models/wan/tensors.h"

namespace framemill::models {
namespace {

void add_time_and_text(TensorList& list, const WanTransformerConfig& c) {
  const std::int64_t d = c.width();
  const ModuleName embedder{"condition_embedder", ""};
  const auto add_pair = [&](const std::string& name, const std::string& original, std::int64_t inputs) {
    list.weight_and_bias(embedder.inside(name + ".linear_1", original + ".0"), {d, inputs});
    list.weight_and_bias(embedder.inside(name + ".linear_2", original + ".2"), {d, d});
  };
  add_pair("time_embedder", "time_embedding", c.freq_dim);
  list.weight_and_bias(embedder.inside("time_proj", "time_projection.1"), {6 * d, d});
  add_pair("text_embedder", "text_embedding", c.text_dim);
}

void add_image(TensorList& list, const WanTransformerConfig& c) {
  const std::int64_t d = c.width(), image = c.image_dim;
  const ModuleName embedder{"condition_embedder.image_embedder", "img_emb"};
  if (c.position_embedding_length > 0)
    list.add(embedder.inside("pos_embed", "emb_pos"), {1, c.position_embedding_length, image});
  const auto add_norm = [&](const ModuleName& norm, std::int64_t extent) { list.weight_and_bias(norm, {extent}); };
  add_norm(embedder.inside("norm1", "proj.0"), image);
  list.weight_and_bias(embedder.inside("ff.net.0.proj", "proj.1"), {image, image});
  list.weight_and_bias(embedder.inside("ff.net.2", "proj.3"), {d, image});
  add_norm(embedder.inside("norm2", "proj.4"), d);
}

void add_attention(TensorList& list, const ModuleName& attention, std::int64_t d) {
  for (const std::string part : {"q", "k", "v"}) list.weight_and_bias(attention.inside("to_" + part, part), {d, d});
  list.weight_and_bias(attention.inside("to_out.0", "o"), {d, d});
  list.weight(attention / "norm_q", {d});
  list.weight(attention / "norm_k", {d});
}

// A layer of the network or of its control branch. The authors count their norms in another order: their norm3 is the
// one before cross-attention.
void add_layer(TensorList& list, const ModuleName& layer, const WanTransformerConfig& c) {
  const std::int64_t d = c.width();
  list.add(layer.inside("scale_shift_table", "modulation"), {1, 6, d});
  add_attention(list, layer.inside("attn1", "self_attn"), d);
  const ModuleName cross = layer.inside("attn2", "cross_attn");
  add_attention(list, cross, d);
  if (c.added_kv_dim > 0) {
    list.weight_and_bias(cross.inside("add_k_proj", "k_img"), {d, c.added_kv_dim});
    list.weight_and_bias(cross.inside("add_v_proj", "v_img"), {d, c.added_kv_dim});
    list.weight(cross.inside("norm_added_k", "norm_k_img"), {d});
  }
  if (c.cross_attention_norm) list.weight_and_bias(layer.inside("norm2", "norm3"), {d});
  list.weight_and_bias(layer.inside("ffn.net.0.proj", "ffn.0"), {c.ffn_dim, d});
  list.weight_and_bias(layer.inside("ffn.net.2", "ffn.2"), {d, c.ffn_dim});
}

}  // namespace

std::vector<NetworkTensor> tensor_list(const WanTransformerConfig& c) {
  TensorList list;
  const std::int64_t d = c.width(), cells = std::int64_t{c.patch_time} * c.patch_height * c.patch_width;
  const ModuleName root;
  list.weight_and_bias(root / "patch_embedding", {d, c.in_channels, c.patch_time, c.patch_height, c.patch_width});
  add_time_and_text(list, c);
  if (c.image_dim > 0) add_image(list, c);
  for (int i = 0; i < c.layers; ++i) add_layer(list, root / ("blocks." + std::to_string(i)), c);
  if (!c.vace_layers.empty())
    list.weight_and_bias(root / "vace_patch_embedding",
                         {d, c.vace_in_channels, c.patch_time, c.patch_height, c.patch_width});
  for (std::size_t i = 0; i < c.vace_layers.size(); ++i) {
    const ModuleName layer = root / ("vace_blocks." + std::to_string(i));
    if (i == 0) list.weight_and_bias(layer.inside("proj_in", "before_proj"), {d, d});
    add_layer(list, layer, c);
    list.weight_and_bias(layer.inside("proj_out", "after_proj"), {d, d});
  }
  list.add(root.inside("scale_shift_table", "head.modulation"), {1, 2, d});
  list.weight_and_bias(root.inside("proj_out", "head.head"), {c.out_channels * cells, d});
  return list.take();
}

}  // namespace framemill::models
