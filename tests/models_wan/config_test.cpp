#include "models/wan/config.h"

#include <catch2/catch.hpp>
#include <limits>

namespace framemill::models {
namespace {

WanAutoencoderConfig small_autoencoder() {
  WanAutoencoderConfig config;
  config.base_dim = 3;
  config.dim_mult = {1, 1, 1, 1};
  config.residual_blocks = 1;
  config.latents_mean.assign(16, 0.0);
  config.latents_std.assign(16, 1.0);
  return config;
}

WanAutoencoderConfig published_residual_autoencoder() {
  WanAutoencoderConfig config;
  config.base_dim = 160;
  config.decoder_base_dim = 256;
  config.z_dim = 48;
  config.is_residual = true;
  config.in_channels = config.out_channels = 12;
  config.patch_size = 2;
  config.space_ratio = 16;
  config.latents_mean.assign(48, 0.0);
  config.latents_std.assign(48, 1.0);
  return config;
}

template <class Config, class Change>
std::string fault(Config config, Change change) {
  change(config);
  const base::Status status = check(config);
  if (status.ok()) return "accepted";
  CHECK(status.error().code == "model.network");
  return status.error().field;
}

TEST_CASE("the published sizes of the Wan networks pass their checks") {
  CHECK(check(WanTransformerConfig{}).ok());
  WanTransformerConfig small;  // 2.1 text to video, 1.3B
  small.heads = 12;
  small.ffn_dim = 8960;
  small.layers = 30;
  CHECK(check(small).ok());
  small.vace_layers = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28};
  small.vace_in_channels = 96;
  CHECK(check(small).ok());
  WanTransformerConfig image;  // 2.1 first and last frame to video, 14B
  image.in_channels = 36;
  image.image_dim = 1280;
  image.added_kv_dim = 5120;
  image.position_embedding_length = 514;
  CHECK(check(image).ok());
  CHECK(check(small_autoencoder()).ok());
  CHECK(check(published_residual_autoencoder()).ok());
  CHECK(check(Umt5Config{}).ok());
}

TEST_CASE("a transformer of sizes that do not fit together is refused with the field") {
  const auto refused = [](auto change) { return fault(WanTransformerConfig{}, change); };
  CHECK(refused([](auto& c) { c.heads = 0; }) == "heads");
  CHECK(refused([](auto& c) { c.heads = std::numeric_limits<int>::max(); }) == "heads");
  CHECK(refused([](auto& c) { c.heads = 256, c.head_dim = 512; }) == "heads");
  CHECK(refused([](auto& c) { c.head_dim = 127; }) == "head_dim");
  CHECK(refused([](auto& c) { c.freq_dim = 255; }) == "freq_dim");
  CHECK(refused([](auto& c) { c.layers = 1 << 30; }) == "layers");
  CHECK(refused([](auto& c) { c.epsilon = 0; }) == "epsilon");
  CHECK(refused([](auto& c) { c.epsilon = std::numeric_limits<double>::quiet_NaN(); }) == "epsilon");
  CHECK(refused([](auto& c) { c.image_dim = 1280; }) == "added_kv_dim");
  CHECK(refused([](auto& c) { c.image_dim = 1280, c.added_kv_dim = 1280; }) == "added_kv_dim");
  CHECK(refused([](auto& c) { c.position_embedding_length = 514; }) == "position_embedding_length");
  CHECK(refused([](auto& c) { c.vace_layers = {0}; }) == "vace_in_channels");
  CHECK(refused([](auto& c) { c.vace_in_channels = 96, c.vace_layers = {1, 2}; }) == "vace_layers");
  CHECK(refused([](auto& c) { c.vace_in_channels = 96, c.vace_layers = {0, 2, 2}; }) == "vace_layers");
  CHECK(refused([](auto& c) { c.vace_in_channels = 96, c.vace_layers = {0, 40}; }) == "vace_layers");
}

TEST_CASE("an autoencoder of sizes that do not fit together is refused with the field") {
  const auto refused = [](auto change) { return fault(small_autoencoder(), change); };
  CHECK(refused([](auto&) {}) == "accepted");
  CHECK(refused([](auto& c) { c.dim_mult = {1}; }) == "dim_mult");
  CHECK(refused([](auto& c) { c.dim_mult = {1, 1, 1, 1000}; }) == "dim_mult");
  CHECK(refused([](auto& c) { c.temporal_downsample = {true}; }) == "temporal_downsample");
  CHECK(refused([](auto& c) { c.temporal_downsample = {true, true, true}; }) == "time_ratio");
  CHECK(refused([](auto& c) { c.space_ratio = 16; }) == "space_ratio");
  CHECK(refused([](auto& c) { c.patch_size = 2, c.space_ratio = 16; }) == "in_channels");
  CHECK(refused([](auto& c) { c.latents_mean.pop_back(); }) == "latents_mean");
  CHECK(refused([](auto& c) { c.latents_std[3] = 0; }) == "latents_std");
  CHECK(refused([](auto& c) { c.latents_std[3] = std::numeric_limits<double>::quiet_NaN(); }) == "latents_std");
  CHECK(refused([](auto& c) { c.latents_mean[3] = std::numeric_limits<double>::infinity(); }) == "latents_mean");
  CHECK(refused([](auto& c) { c.decoder_base_dim = 1; }) == "decoder_base_dim");
  CHECK(fault(published_residual_autoencoder(), [](auto& c) { c.dim_mult = {1, 2, 4, 7}; }) == "dim_mult");
}

TEST_CASE("a text encoder of sizes that do not fit together is refused with the field") {
  const auto refused = [](auto change) { return fault(Umt5Config{}, change); };
  CHECK(refused([](auto& c) { c.d_model = -1; }) == "d_model");
  CHECK(refused([](auto& c) { c.vocabulary = 1 << 30; }) == "vocabulary");
  CHECK(refused([](auto& c) { c.relative_buckets = 6; }) == "relative_buckets");
  CHECK(refused([](auto& c) { c.relative_max_distance = 8; }) == "relative_max_distance");
}

}  // namespace
}  // namespace framemill::models
