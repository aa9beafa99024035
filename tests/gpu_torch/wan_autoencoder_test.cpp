// The Wan autoencoders against diffusers, and what streaming promises.
#include "gpu/torch/wan/autoencoder.h"

#include "gpu/torch/cpu_allocator.h"
#include "gpu/torch/wan/causal_layers.h"
#include "tests/gpu_torch/wan_reference.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

struct Reference {
  models::WanAutoencoderConfig config;
  models::SafetensorsFile file;
  Parameters weights = drawn_weights(models::tensors_of(config), file);
};

Reference reference_4x8x8() {
  models::WanAutoencoderConfig config;
  config.base_dim = 8;
  config.z_dim = 4;
  config.latents_mean = std::vector<double>(4, 0.0);
  config.latents_std = std::vector<double>(4, 1.0);
  return {config, wan_reference("autoencoder_4x8x8")};
}

Reference reference_4x16x16() {
  models::WanAutoencoderConfig config;
  config.base_dim = 4;
  config.decoder_base_dim = 8;
  config.z_dim = 6;
  config.is_residual = true;
  config.in_channels = config.out_channels = 12;
  config.patch_size = 2;
  config.space_ratio = 16;
  config.latents_mean = std::vector<double>(6, 0.0);
  config.latents_std = std::vector<double>(6, 1.0);
  return {config, wan_reference("autoencoder_4x16x16")};
}

Reference reference_of(bool with_shortcuts) {
  return with_shortcuts ? reference_4x16x16() : reference_4x8x8();
}

at::Tensor decoded(const Reference& reference, const at::Tensor& latents, at::ScalarType compute = at::kFloat) {
  std::vector<at::Tensor> pieces;
  wan_decode(reference.weights, reference.config, latents, compute,
             [&](const at::Tensor& pictures) { pieces.push_back(pictures); });
  return at::cat(pieces, 2);
}

}  // namespace

TEST_CASE("the Wan autoencoders encode and decode as diffusers does, for both ratios") {
  const Reference reference = reference_of(GENERATE(false, true));
  REQUIRE(models::check(reference.config).ok());
  const at::Tensor pictures = tensor_of(reference.file, "pictures"), latents = tensor_of(reference.file, "latents");
  const at::Tensor encoded = wan_encode(reference.weights, reference.config, pictures, at::kFloat);
  CHECK(largest_difference(encoded, tensor_of(reference.file, "encoded")) < 1e-5);
  CHECK(largest_difference(decoded(reference, latents), tensor_of(reference.file, "decoded")) < 1e-5);
}

TEST_CASE("the Wan autoencoders in bfloat16 stay near float32") {
  const Reference reference = reference_of(GENERATE(false, true));
  const at::Tensor wanted = tensor_of(reference.file, "decoded"), encoded = tensor_of(reference.file, "encoded");
  const at::Tensor half = decoded(reference, tensor_of(reference.file, "latents"), at::kBFloat16);
  CHECK(half.scalar_type() == at::kFloat);
  CHECK((half - wanted).abs().mean().item<double>() < 0.02 * wanted.abs().mean().item<double>());
  const at::Tensor back =
      wan_encode(reference.weights, reference.config, tensor_of(reference.file, "pictures"), at::kBFloat16);
  CHECK((back - encoded).abs().mean().item<double>() < 0.02 * encoded.abs().mean().item<double>());
}

TEST_CASE("a Wan clip's first frames do not depend on later ones, and windows in a batch not on each other") {
  const Reference reference = reference_of(GENERATE(false, true));
  const at::Tensor pictures = tensor_of(reference.file, "pictures"), latents = tensor_of(reference.file, "latents");
  for (const int frames : {1, 2}) {
    const at::Tensor first = decoded(reference, latents.narrow(2, 0, frames));
    CHECK(largest_difference(first, tensor_of(reference.file, "decoded").narrow(2, 0, 4 * frames - 3)) < 1e-5);
    const at::Tensor encoded =
        wan_encode(reference.weights, reference.config, pictures.narrow(2, 0, 4 * frames - 3), at::kFloat);
    CHECK(largest_difference(encoded, tensor_of(reference.file, "encoded").narrow(2, 0, frames)) < 1e-5);
  }
  const at::Tensor other = latents.flip(-1) * 0.5;
  const at::Tensor both = decoded(reference, at::cat({other, latents}, 0));
  CHECK(largest_difference(both.narrow(0, 1, 1), tensor_of(reference.file, "decoded")) < 1e-5);
  CHECK(largest_difference(both.narrow(0, 0, 1), decoded(reference, other)) < 1e-5);
  const at::Tensor mirrored = pictures.flip(-1);
  const at::Tensor encoded =
      wan_encode(reference.weights, reference.config, at::cat({mirrored, pictures}, 0), at::kFloat);
  CHECK(largest_difference(encoded.narrow(0, 1, 1), tensor_of(reference.file, "encoded")) < 1e-5);
}

TEST_CASE(
    "a causal convolution over pieces of a clip is that over the whole clip behind zeros, however many channels") {
  const std::int64_t channels = GENERATE(8, 264), batch = GENERATE(1, 2);
  at::Generator random = at::detail::createCPUGenerator(7);
  Parameters p;
  p.set("c.weight", at::randn({5, channels, 3, 3, 3}, random) * 0.02);
  p.set("c.bias", at::randn({5}, random));
  const at::Tensor clip = at::randn({batch, 9, 3, 4, channels}, random);
  CausalPass pass(p, at::kFloat);
  std::vector<at::Tensor> pieces;
  for (const auto& [first, count] : {std::pair{0, 1}, {1, 1}, {2, 4}, {6, 2}, {8, 1}})
    pieces.push_back(pass.conv("c", clip.narrow(1, first, count)));
  const at::Tensor padded = at::constant_pad_nd(clip.permute({0, 4, 1, 2, 3}), {1, 1, 1, 1, 2, 0});
  const at::Tensor wanted = at::conv3d(padded, p["c.weight"], p["c.bias"]).permute({0, 2, 3, 4, 1});
  CHECK(largest_difference(at::cat(pieces, 1), wanted) < 1e-5);

  CausalPass late(p, at::kFloat);  // two frames with a single one before them
  const at::Tensor first = late.conv("c", clip.narrow(1, 0, 1)), next = late.conv("c", clip.narrow(1, 1, 2));
  CHECK(largest_difference(at::cat({first, next}, 1), wanted.narrow(1, 0, 3)) < 1e-5);
}

TEST_CASE("a Wan clip is decoded and encoded in memory that does not grow with its length") {
  install_cpu_allocator();
  const Reference reference = reference_of(GENERATE(false, true));
  std::vector<std::int64_t> counts;
  const auto decode_bytes = [&](int latent_frames) {
    const at::Tensor latents = at::zeros({1, reference.config.z_dim, latent_frames, 2, 2});
    counts.clear();
    reset_cpu_peak();
    const std::uint64_t before = cpu_memory().current_bytes;
    wan_decode(reference.weights, reference.config, latents, at::kFloat,
               [&](const at::Tensor& pictures) { counts.push_back(pictures.size(2)); });
    return static_cast<double>(cpu_memory().peak_bytes - before);
  };
  const double short_clip = decode_bytes(5);
  CHECK(counts == std::vector<std::int64_t>{1, 4, 4, 4, 4});
  CHECK(decode_bytes(21) <= 1.01 * short_clip);
  const auto encode_bytes = [&](int frames) {
    const at::Tensor pictures = at::zeros({1, 3, frames, 32, 32});
    reset_cpu_peak();
    const std::uint64_t before = cpu_memory().current_bytes;
    wan_encode(reference.weights, reference.config, pictures, at::kFloat);
    return static_cast<double>(cpu_memory().peak_bytes - before);
  };
  CHECK(encode_bytes(81) <= 1.01 * encode_bytes(17));
}

TEST_CASE("Wan latents are normalised per channel, and back") {
  models::WanAutoencoderConfig config;
  config.z_dim = 2;
  config.latents_mean = {1.0, -2.0};
  config.latents_std = {4.0, 0.5};
  const at::Tensor raw = at::tensor({5.0f, -1.5f}).view({1, 2, 1, 1, 1});
  const at::Tensor normalised = wan_normalise(config, raw);
  CHECK(normalised.flatten().equal(at::tensor({1.0f, 1.0f})));
  CHECK(wan_denormalise(config, normalised).equal(raw));
}

}  // namespace framemill::gpu
