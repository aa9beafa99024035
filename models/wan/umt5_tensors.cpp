#include <cstdint>
#include <string>

#include "models/wan/tensor_list.h"
#include "models/wan/tensors.h"

namespace framemill::models {

std::vector<NetworkTensor> tensor_list(const Umt5Config& c) {
  TensorList list;
  const std::int64_t d = c.d_model, inner = std::int64_t{c.heads} * c.d_kv, ff = c.d_ff;
  list.weight({"shared", "token_embedding"}, {c.vocabulary, d});
  for (int i = 0; i < c.layers; ++i) {
    const std::string number = std::to_string(i);
    const ModuleName block{"encoder.block." + number + ".layer", "blocks." + number};
    const auto attention = [&](const std::string& name, const std::string& original) {
      return block.inside("0.SelfAttention." + name, original);
    };
    for (const std::string part : {"q", "k", "v"}) list.weight(attention(part, "attn." + part), {inner, d});
    list.weight(attention("o", "attn.o"), {d, inner});
    list.weight(attention("relative_attention_bias", "pos_embedding.embedding"), {c.relative_buckets, c.heads});
    list.weight(block.inside("0.layer_norm", "norm1"), {d});
    const auto dense = [&](const std::string& name, const std::string& original) {
      return block.inside("1.DenseReluDense." + name, original);
    };
    list.weight(dense("wi_0", "ffn.gate.0"), {ff, d});
    list.weight(dense("wi_1", "ffn.fc1"), {ff, d});
    list.weight(dense("wo", "ffn.fc2"), {d, ff});
    list.weight(block.inside("1.layer_norm", "norm2"), {d});
  }
  list.weight({"encoder.final_layer_norm", "norm"}, {d});
  return list.take();
}

}  // namespace framemill::models
