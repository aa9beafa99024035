#include "training/muon.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/linalg_svdvals.h>

#include <cmath>

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::train {
namespace {

at::Tensor random_matrix(std::int64_t rows, std::int64_t columns) {
  at::Generator random = at::detail::createCPUGenerator(3);
  return at::randn({rows, columns}, random, at::kFloat);
}

// Singular values of the step that a gradient causes, over the step's size.
at::Tensor values_of_step(const at::Tensor& gradient, std::int64_t parts) {
  at::Tensor weight = at::zeros_like(gradient), momentum = at::zeros_like(gradient);
  muon_step(weight, gradient, momentum, 0.01, 0.0);
  const at::Tensor piece = weight.chunk(parts, 0)[0];
  const double size = 0.01 * 0.2 * std::sqrt(static_cast<double>(std::max(piece.size(0), piece.size(1))));
  return at::linalg_svdvals(piece) / size;
}

}  // namespace

TEST_CASE("a Muon step moves in every direction of the gradient alike, small ones too") {
  for (const auto& [rows, columns, parts] : {std::tuple{64, 256, 1}, {256, 64, 1}, {192, 64, 3}}) {
    at::Tensor gradient = random_matrix(rows, columns);
    gradient.narrow(1, 0, 8).mul_(20.0);  // eight directions are far stronger
    const at::Tensor values = values_of_step(gradient, parts);
    // In falling order. A square matrix has a few directions of nearly no gradient at all.
    const float first = values[0].item<float>(), late = values[56].item<float>();
    CAPTURE(rows, columns, first, late);
    CHECK(first < 1.4f);
    CHECK(late > 0.3f);
  }
}

TEST_CASE("a Muon step goes down, by its momentum, and decays the weight") {
  at::Tensor weight = random_matrix(32, 32), momentum = at::zeros({32, 32});
  const at::Tensor target = at::zeros({32, 32});
  const double before = weight.norm().item<double>();
  for (int i = 0; i < 60; ++i) muon_step(weight, weight - target, momentum, 0.1, 0.0);
  CHECK(weight.norm().item<double>() < 0.3 * before);
  at::Tensor still = at::ones({32, 32}), nothing = at::zeros({32, 32});
  muon_step(still, nothing, nothing, 0.1, 0.5);
  CHECK(still.sub(0.95).abs().max().item<float>() < 1e-6f);
}

TEST_CASE("matrices inside the layers are Muon's, the rest is AdamW's") {
  const at::Tensor matrix = at::zeros({4, 4});
  CHECK(is_hidden_matrix("layer0.qkv.weight", matrix));
  CHECK(is_hidden_matrix("layer5.mlp_out.weight", matrix));
  CHECK_FALSE(is_hidden_matrix("layer0.modulation_a.weight", matrix));
  CHECK_FALSE(is_hidden_matrix("patch_in.weight", matrix));
  CHECK_FALSE(is_hidden_matrix("layer0.qkv.bias", at::zeros({4})));
}

}  // namespace framemill::train
