// The umT5 encoder against transformers.
#include "gpu/torch/wan/umt5.h"

#include "tests/gpu_torch/wan_reference.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

models::Umt5Config small_config() {
  models::Umt5Config config;
  config.d_model = 32;
  config.d_ff = 48;
  config.heads = 4;
  config.d_kv = 8;
  config.layers = 3;
  config.vocabulary = 100;
  return config;
}

}  // namespace

TEST_CASE("umT5 encodes prompts of several lengths as transformers does, and pads with zeros") {
  const auto file = wan_reference("umt5");
  const Parameters weights = drawn_weights(models::tensors_of(small_config()), file);
  const models::Umt5Config config = small_config();
  REQUIRE(models::check(config).ok());
  const at::Tensor tokens = tensor_of(file, "tokens"), mask = tensor_of(file, "mask");
  const at::Tensor wanted = tensor_of(file, "embeddings");
  const at::Tensor whole = umt5_encode(weights, config, tokens, mask, at::kFloat);
  CHECK(largest_difference(whole, wanted) < 5e-5);
  CHECK(whole.masked_select(mask.eq(0).unsqueeze(-1)).count_nonzero().item<std::int64_t>() == 0);

  // Each row alone, where the padding is cut off before the first layer.
  for (int row = 0; row < 3; ++row) {
    const at::Tensor one = umt5_encode(weights, config, tokens.narrow(0, row, 1), mask.narrow(0, row, 1), at::kFloat);
    CHECK(largest_difference(one, wanted.narrow(0, row, 1)) < 5e-5);
  }

  const at::Tensor half = umt5_encode(weights, config, tokens, mask, at::kBFloat16);
  CHECK(half.scalar_type() == at::kFloat);
  CHECK((half - wanted).abs().mean().item<double>() < 0.02 * wanted.abs().mean().item<double>());
}

TEST_CASE("umT5 gives zeros for a prompt without tokens, alone and beside another") {
  const auto file = wan_reference("umt5");
  const Parameters weights = drawn_weights(models::tensors_of(small_config()), file);
  at::Tensor tokens = tensor_of(file, "tokens").narrow(0, 0, 2).clone(), mask = at::zeros_like(tokens);
  CHECK(umt5_encode(weights, small_config(), tokens, mask, at::kFloat).count_nonzero().item<std::int64_t>() == 0);
  tokens[1].copy_(tensor_of(file, "tokens")[1]);
  mask[1].copy_(tensor_of(file, "mask")[1]);
  const at::Tensor both = umt5_encode(weights, small_config(), tokens, mask, at::kFloat);
  CHECK(both[0].count_nonzero().item<std::int64_t>() == 0);
  CHECK(largest_difference(both[1], tensor_of(file, "embeddings")[1]) < 1e-5);
}

}  // namespace framemill::gpu
