#include "models/wan/tensors.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

#include "base/sha256.h"
#include "models/wan/names.h"

namespace framemill::models {
namespace {

WanTransformerConfig transformer_of(int heads, int ffn_dim, int layers) {
  WanTransformerConfig config;
  config.heads = heads;
  config.ffn_dim = ffn_dim;
  config.layers = layers;
  return config;
}

void add_image_branch(WanTransformerConfig& config, int image_dim) {
  config.in_channels = 36;
  config.image_dim = image_dim;
  config.added_kv_dim = config.width();
}

std::map<std::string, WanTransformerConfig> transformers() {
  std::map<std::string, WanTransformerConfig> all;
  const WanTransformerConfig small_size = transformer_of(12, 8960, 30), large = transformer_of(40, 13824, 40);
  all["transformer-2.1-t2v-1.3b"] = small_size;
  all["transformer-2.1-t2v-14b"] = large;
  all["transformer-2.1-i2v-14b"] = large;
  add_image_branch(all["transformer-2.1-i2v-14b"], 1280);
  all["transformer-2.1-flf2v-14b"] = all["transformer-2.1-i2v-14b"];
  all["transformer-2.1-flf2v-14b"].position_embedding_length = 514;
  WanTransformerConfig& vace = all["transformer-2.1-vace-1.3b"] = small_size;
  vace.vace_in_channels = 96;
  for (int i = 0; i < 30; i += 2) vace.vace_layers.push_back(i);
  all["transformer-2.2-i2v-a14b"] = large;
  all["transformer-2.2-i2v-a14b"].in_channels = 36;
  WanTransformerConfig& both = all["transformer-2.2-ti2v-5b"] = transformer_of(24, 14336, 30);
  both.in_channels = both.out_channels = 48;

  WanTransformerConfig tiny = transformer_of(2, 32, 2);
  tiny.head_dim = 12;
  tiny.text_dim = 32;
  all["transformer-small"] = tiny;
  WanTransformerConfig& image = all["transformer-small-image"] = tiny;
  add_image_branch(image, 4);
  image.position_embedding_length = 6;
  image.cross_attention_norm = false;
  WanTransformerConfig& control = all["transformer-small-vace"] = tiny;
  control.vace_layers = {0, 1};
  control.vace_in_channels = 96;
  return all;
}

WanAutoencoderConfig autoencoder_of(int base_dim, bool residual, int blocks, std::vector<int> dim_mult) {
  WanAutoencoderConfig config;
  config.base_dim = base_dim;
  config.residual_blocks = blocks;
  config.dim_mult = std::move(dim_mult);
  config.is_residual = residual;
  if (residual) {
    config.z_dim = 48;
    config.in_channels = config.out_channels = 12;
    config.patch_size = 2;
    config.space_ratio = 16;
  }
  config.latents_mean.assign(static_cast<std::size_t>(config.z_dim), 0);
  config.latents_std.assign(static_cast<std::size_t>(config.z_dim), 1);
  return config;
}

std::map<std::string, WanAutoencoderConfig> autoencoders() {
  std::map<std::string, WanAutoencoderConfig> all;
  all["autoencoder-2.1"] = autoencoder_of(96, false, 2, {1, 2, 4, 4});
  all["autoencoder-2.2"] = autoencoder_of(160, true, 2, {1, 2, 4, 4});
  all["autoencoder-2.2"].decoder_base_dim = 256;
  all["autoencoder-small"] = autoencoder_of(3, false, 1, {1, 1, 1, 1});
  all["autoencoder-small-residual"] = autoencoder_of(3, true, 1, {1, 1, 1, 1});
  return all;
}

std::map<std::string, Umt5Config> text_encoders() {
  Umt5Config small;
  small.d_model = 32;
  small.d_ff = 37;
  small.heads = 4;
  small.d_kv = 8;
  small.layers = 2;
  small.vocabulary = 256;
  return {{"umt5-xxl", {}}, {"umt5-small", small}};
}

struct Row {
  std::size_t count = 0;
  std::string shapes, names;  // digests
};

// What diffusers and transformers build; tools/reference/wan_tensors.py wrote it.
std::map<std::string, Row> reference() {
  std::ifstream in(FRAMEMILL_SOURCE_DIR "/tests/data/wan/tensors.txt");
  std::map<std::string, Row> rows;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string label;
    Row row;
    fields >> label >> row.count >> row.shapes >> row.names;
    rows[label] = row;
  }
  return rows;
}

std::string digest_of(const std::set<std::string>& lines) {
  return base::sha256(std::accumulate(lines.begin(), lines.end(), std::string())).hex();
}

template <class Config>
void check_against_reference(const std::map<std::string, Config>& configs) {
  const std::map<std::string, Row> rows = reference();
  for (const auto& [label, config] : configs) {
    INFO(label);
    REQUIRE(check(config).ok());
    const Row& row = rows.at(label);
    std::set<std::string> shapes, names;
    for (const NetworkTensor& tensor : tensor_list(config)) {
      shapes.insert(fmt::format("{} {}\n", tensor.name, fmt::join(tensor.shape, "x")));
      names.insert(tensor.original + " " + tensor.name + "\n");
    }
    CHECK(shapes.size() == row.count);
    CHECK(tensors_of(config).size() == row.count);
    CHECK(digest_of(shapes) == row.shapes);
    CHECK(digest_of(names) == row.names);
  }
}

TEST_CASE("the tensors of Wan transformers are those of diffusers, in both namings") {
  check_against_reference(transformers());
}

TEST_CASE("the tensors of Wan autoencoders are those of diffusers, in both namings") {
  check_against_reference(autoencoders());
}

TEST_CASE("the tensors of the text encoder are those of transformers, in both namings") {
  check_against_reference(text_encoders());
}

template <class Config>
void check_names(const Config& config) {
  const TensorNames names(config);
  std::set<std::string> originals;
  for (const NetworkTensor& tensor : tensor_list(config)) {
    CHECK(canonical_name(names, tensor.name) == tensor.name);
    CHECK(canonical_name(names, tensor.original) == tensor.name);
    CHECK(canonical_name(names, "model.diffusion_model." + tensor.original) == tensor.name);
    originals.insert(tensor.original);
  }
  CHECK(originals.size() == tensors_of(config).size());
}

TEST_CASE("every tensor is found by its canonical name, its original one and with a prefix") {
  for (const auto& [label, config] : transformers()) check_names(config);
  for (const auto& [label, config] : autoencoders()) check_names(config);
  for (const auto& [label, config] : text_encoders()) check_names(config);
}

TEST_CASE("names that belong to another network are not found") {
  const TensorNames transformer(transformers().at("transformer-small"));
  CHECK_FALSE(transformer.find("blocks.2.attn1.to_q.weight"));
  CHECK_FALSE(transformer.find("blocks.0.attn1.to_q"));
  CHECK_FALSE(transformer.find("vace_blocks.0.attn1.to_q.weight"));
  CHECK_FALSE(transformer.find("blocks.0.self_attn.q.lora_A.weight"));
  CHECK_FALSE(transformer.find(""));
  CHECK_FALSE(transformer.find("spiece_model"));
}

TEST_CASE("scales, duplicates and unused tensors are recognised beside the weights") {
  const TensorNames transformer(transformers().at("transformer-small"));
  const auto scale = transformer.find("blocks.0.self_attn.q.scale_weight");
  REQUIRE(scale);
  CHECK(scale->use == TensorUse::Scale);
  CHECK(scale->name == "blocks.0.attn1.to_q.weight");
  CHECK(transformer.find("model.diffusion_model.blocks.1.ffn.0.weight_scale")->name ==
        "blocks.1.ffn.net.0.proj.weight");
  CHECK(transformer.find("blocks.0.self_attn.q.scale_input")->use == TensorUse::Unused);
  CHECK(transformer.find("scaled_fp8")->use == TensorUse::Unused);
  CHECK_FALSE(transformer.find("blocks.7.self_attn.q.scale_weight"));
  CHECK_FALSE(canonical_name(transformer, "blocks.0.self_attn.q.scale_weight"));

  const TensorNames text(text_encoders().at("umt5-small"));
  const auto copy = text.find("encoder.embed_tokens.weight");
  REQUIRE(copy);
  CHECK(copy->use == TensorUse::Duplicate);
  CHECK(copy->name == "shared.weight");
  CHECK(text.find("spiece_model")->use == TensorUse::Unused);
}

}  // namespace
}  // namespace framemill::models
