#include "tests/gpu_torch/small_wan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "gpu/noise.h"
#include "models/manifest.h"
#include "models/safetensors.h"
#include "models/wan/tensors.h"

namespace framemill::gpu {
namespace {

namespace fs = std::filesystem;
using models::ComponentRole;

models::WanTransformerConfig small_transformer() {
  models::WanTransformerConfig config;
  config.heads = 2;
  config.head_dim = 12;
  config.text_dim = 32;
  config.freq_dim = 32;
  config.ffn_dim = 32;
  config.layers = 2;
  config.rope_max_length = 32;
  return config;
}

models::WanAutoencoderConfig small_autoencoder() {
  models::WanAutoencoderConfig config;
  config.base_dim = 3;
  config.dim_mult = {1, 1, 1, 1};
  config.residual_blocks = 1;
  config.latents_mean.assign(16, 0.1);
  config.latents_std.assign(16, 1.5);
  return config;
}

models::Umt5Config small_encoder() {
  models::Umt5Config config;
  config.d_model = 32;
  config.d_ff = 37;
  config.heads = 4;
  config.d_kv = 8;
  config.layers = 2;
  config.vocabulary = 64;
  return config;
}

// Gains of norms are about 1, everything else is small.
std::string random_weights(const models::TensorShapes& shapes, std::uint64_t seed, bool bfloat16) {
  models::SafetensorsWriter writer;
  std::int64_t place = 0;
  for (const auto& [name, shape] : shapes) {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
    std::vector<float> values(count);
    fill_normals({seed, place++, NoiseStream::Latent, 0}, values);
    const bool gain = name.find("norm") != std::string::npos && name.ends_with("weight");
    for (float& value : values) value = value * 0.2f + (gain || name.ends_with("gamma") ? 1.0f : 0.0f);
    if (!bfloat16) {
      writer.add_floats(name, shape, values);
      continue;
    }
    std::string upper;
    for (const float value : values) upper.append(reinterpret_cast<const char*>(&value) + 2, 2);
    writer.add(name, models::Dtype::BF16, shape, std::move(upper));
  }
  return writer.bytes();
}

std::string letters_tokenizer() {
  std::string pieces = R"(["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["▁", -3.0])";
  for (char letter = 'a'; letter <= 'z'; ++letter) pieces += fmt::format(R"(, ["{}", -8.0])", letter);
  return R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
  "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [],
    "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
  "decoder": null, "model": {"type": "Unigram", "unk_id": 2, "vocab": [)" +
         pieces + R"(], "byte_fallback": false}})";
}

class Writing {
 public:
  Writing(fs::path directory, models::Manifest& manifest) : directory_(std::move(directory)), manifest_(manifest) {}

  void add(ComponentRole role, std::string_view architecture, models::ComponentConfig config, const std::string& file,
           const std::string& bytes, models::ComputeDtype compute = models::ComputeDtype::F32) {
    models::Component component;
    component.role = role;
    component.architecture = architecture;
    component.compute = compute;
    component.files = {file};
    component.config = std::move(config);
    manifest_.components.push_back(std::move(component));
    manifest_.files.push_back({models::FileRole::Component, file, bytes.size(), base::sha256(bytes)});
    std::ofstream(directory_ / file, std::ios::binary) << bytes;
  }

 private:
  fs::path directory_;
  models::Manifest& manifest_;
};

}  // namespace

SmallWanPackage::SmallWanPackage(const SmallWan& kind) {
  static int count = 0;
  root_ = fs::temp_directory_path() / fmt::format("framemill-wan-{}-{}", ::getpid(), count++);
  models::Manifest m;
  m.format = 2;
  m.name = kind.name;
  m.version = "1";
  m.title = "A small random model";
  m.licence = "CC0-1.0";
  m.provenance = {"none", "a test", 1, "none"};
  m.window_frames = 9;
  m.context_frames = kind.begins_with_frames ? 1 : 0;
  m.fps = 16;
  m.width = m.height = 16;
  m.limits = {1, 33, 16, 64, 64, 4096};
  m.time_ratio = {4, 1};
  m.colour_space = "srgb";
  m.sampler = models::SamplerKind::FlowUnipc;
  m.prediction = models::Prediction::Flow;
  m.default_steps = 4;
  m.steps_max = 50;
  m.default_guidance = 5.0;
  m.guidance_max = 20.0;
  m.noise_shift = 3.0;
  if (kind.two_experts) {
    m.boundary = 0.875;
    m.guidance_low = 3.0;
  }
  m.batch_max = m.batch_max_cpu = 4;
  m.conditioning = {jobs::ConditioningKind::Text, 24, "blurred"};
  directory_ = root_ / m.id();
  fs::create_directories(directory_);
  Writing writing(directory_, m);
  const auto compute = kind.bfloat16 ? models::ComputeDtype::Bf16 : models::ComputeDtype::F32;
  const auto transformer = small_transformer();
  const auto shapes = models::tensors_of(transformer);
  writing.add(ComponentRole::Denoiser, models::kWanTransformer, transformer, "denoiser.safetensors",
              random_weights(shapes, 1, kind.bfloat16), compute);
  if (kind.two_experts)
    writing.add(ComponentRole::DenoiserHighNoise, models::kWanTransformer, transformer, "high.safetensors",
                random_weights(shapes, 2, kind.bfloat16), compute);
  const auto encoder = small_encoder();
  writing.add(ComponentRole::TextEncoder, models::kUmt5Encoder, encoder, "encoder.safetensors",
              random_weights(models::tensors_of(encoder), 3, false));
  const auto autoencoder = small_autoencoder();
  writing.add(ComponentRole::Autoencoder, models::kWanAutoencoder, autoencoder, "vae.safetensors",
              random_weights(models::tensors_of(autoencoder), 4, false));
  writing.add(ComponentRole::Tokenizer, models::kUnigram, std::monostate(), "tokenizer.json", letters_tokenizer());
  std::ofstream(directory_ / "model.toml") << models::manifest_text(m);
}

SmallWanPackage::~SmallWanPackage() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

}  // namespace framemill::gpu
