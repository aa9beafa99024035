// The Wan transformer against diffusers, in each of its modes.
#include "gpu/torch/wan/transformer.h"

#include "tests/gpu_torch/wan_reference.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

struct Reference {
  models::WanTransformerConfig config;
  models::SafetensorsFile file;
  Parameters weights = drawn_weights(models::tensors_of(config), file);
};

// The sizes of tools/reference/wan_transformer.py, whose files have the names of the modes.
models::WanTransformerConfig config_of(const std::string& mode) {
  models::WanTransformerConfig config;
  config.heads = 4, config.head_dim = 32;
  config.text_dim = 24, config.freq_dim = 64, config.ffn_dim = 160, config.layers = 2;
  config.rope_max_length = 32;
  if (mode == "ti2v" || mode == "levels") config.in_channels = config.out_channels = 6;
  if (mode == "i2v") {
    config.in_channels = 12, config.out_channels = 4;
    config.image_dim = 16, config.added_kv_dim = 128, config.position_embedding_length = 6;
  }
  if (mode == "plain") {
    config.in_channels = config.out_channels = 4;
    config.cross_attention_norm = false;
    config.patch_time = 2;
  }
  if (mode == "vace") {
    config.layers = 4;
    config.vace_layers = {0, 2}, config.vace_in_channels = 10;
  }
  return config;
}

Reference reference_of(const std::string& mode) {
  return {config_of(mode), wan_reference("transformer_" + mode)};
}

WanInputs inputs_of(const models::SafetensorsFile& file) {
  WanInputs inputs;
  inputs.latents = tensor_of(file, "latents");
  inputs.level = tensor_of(file, "level");
  inputs.text = tensor_of(file, "text");
  if (file.find("image")) inputs.image = tensor_of(file, "image");
  if (!file.find("control")) return inputs;
  inputs.control = tensor_of(file, "control");
  const at::Tensor scale = tensor_of(file, "control_scale");
  for (std::int64_t i = 0; i < scale.numel(); ++i) inputs.control_scale.push_back(scale[i].item<double>());
  return inputs;
}

at::Tensor predicted(const Reference& reference, const WanInputs& inputs, at::ScalarType compute = at::kFloat) {
  const at::Tensor output = wan_predict(reference.weights, reference.config, inputs, compute);
  CHECK(output.scalar_type() == at::kFloat);
  return output;
}

// One row of a batch.
WanInputs row_of(WanInputs inputs, std::int64_t row) {
  for (at::Tensor* tensor : {&inputs.latents, &inputs.level, &inputs.text, &inputs.image, &inputs.control})
    if (tensor->defined()) *tensor = tensor->narrow(0, row, 1);
  return inputs;
}

const auto kModes = {"t2v", "ti2v", "levels", "i2v", "plain", "vace"};

}  // namespace

TEST_CASE("the Wan transformer predicts what diffusers' does, in every mode") {
  for (const std::string mode : kModes) {
    INFO(mode);
    const Reference reference = reference_of(mode);
    REQUIRE(models::check(reference.config).ok());
    const at::Tensor wanted = tensor_of(reference.file, "output");
    CHECK(largest_difference(predicted(reference, inputs_of(reference.file)), wanted) < 1e-5);
    CHECK(wanted.std().item<double>() > 0.2);  // else the line before says little
  }
}

TEST_CASE("a Wan window's prediction depends neither on batch mates nor on how far its text is filled up") {
  for (const std::string mode : kModes) {
    INFO(mode);
    const Reference reference = reference_of(mode);
    const WanInputs inputs = inputs_of(reference.file);
    const at::Tensor wanted = tensor_of(reference.file, "output");
    for (const std::int64_t row : {0, 1})
      CHECK(largest_difference(predicted(reference, row_of(inputs, row)), wanted.narrow(0, row, 1)) < 1e-5);
  }
}

TEST_CASE("the Wan transformer does not write to its inputs or weights") {
  const Reference reference = reference_of("vace");
  const WanInputs inputs = inputs_of(reference.file);
  const at::Tensor first = predicted(reference, inputs);
  CHECK(predicted(reference, inputs).equal(first));
  CHECK(inputs.latents.equal(tensor_of(reference.file, "latents")));
  CHECK(inputs.control.equal(tensor_of(reference.file, "control")));
}

TEST_CASE("noise levels per token equal to a row's own level change nothing") {
  const Reference reference = reference_of("t2v");
  WanInputs inputs = inputs_of(reference.file);
  inputs.level = inputs.level.unsqueeze(1).repeat({1, 30});
  CHECK(largest_difference(predicted(reference, inputs), tensor_of(reference.file, "output")) < 1e-5);
}

TEST_CASE("the Wan transformer in bfloat16 stays near float32, with weights of either dtype") {
  for (const std::string mode : kModes) {
    INFO(mode);
    Reference reference = reference_of(mode);
    const WanInputs inputs = inputs_of(reference.file);
    const at::Tensor wanted = tensor_of(reference.file, "output");
    const auto off = [&] { return (predicted(reference, inputs, at::kBFloat16) - wanted).abs().mean().item<double>(); };
    CHECK(off() < 0.02 * wanted.abs().mean().item<double>());
    reference.weights = reference.weights.to(at::kCPU, at::kBFloat16);
    CHECK(off() < 0.03 * wanted.abs().mean().item<double>());
  }
}

}  // namespace framemill::gpu
