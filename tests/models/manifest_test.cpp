// Format 2 of model.toml: components, limits, conditioning; and format 1 seen as components.
#include "models/manifest.h"

#include <catch2/catch.hpp>
#include <functional>

#include "base/file.h"
#include "models/memory_prediction.h"

namespace framemill::models {
namespace {

constexpr const char* kDigest = "53120df40498f64aceb9d30e62f2fc3f964a089e26da38e699275572b526e653";

PackageFile file(const std::string& path, std::uint64_t bytes = 10) {
  return {FileRole::Component, path, bytes, *base::Sha256::from_hex(kDigest)};
}

// A Wan of two denoisers with its encoder: every kind of field has a value of its own.
Manifest wan() {
  Manifest m;
  m.format = 2;
  m.name = "wan-test";
  m.version = "1";
  m.title = "A \"quoted\" title, a back\\slash";
  m.licence = "Apache-2.0";
  m.provenance = {"none: random numbers", "a test", 7, "a CPU\nof two cores"};
  m.window_frames = 17;
  m.context_frames = 5;
  m.fps = 16;
  m.width = 832;
  m.height = 480;
  m.limits = {9, 121, 16, 1920, 1920, 1048576};
  m.time_ratio = {4, 1};
  m.carry_dtype = CarryDtype::F16;
  m.colour_space = "srgb";
  m.sampler = SamplerKind::FlowUnipc;
  m.default_steps = 50;
  m.steps_max = 200;
  m.default_guidance = 4.0;
  m.guidance_max = 20.0;
  m.noise_shift = 0.1 + 0.2;  // a number that a short text does not give back
  m.boundary = 0.875;
  m.guidance_low = 3.0;
  m.batch_max = 4;
  m.conditioning = {jobs::ConditioningKind::Text, 512, "色调艳丽, \"still\""};
  WanTransformerConfig transformer;
  transformer.heads = 12;
  transformer.text_dim = 64;
  transformer.vace_layers = {0, 15, 30};
  transformer.vace_in_channels = 96;
  transformer.cross_attention_norm = false;
  WanAutoencoderConfig autoencoder;
  autoencoder.z_dim = 16;
  autoencoder.latents_mean = std::vector<double>(16, -0.75);
  autoencoder.latents_std = std::vector<double>(16, 2.8184);
  Umt5Config encoder;
  encoder.d_model = 64;
  const auto component = [&m](ComponentRole role, std::string_view architecture, std::vector<std::string> files,
                              ComponentConfig config, ComputeDtype compute = ComputeDtype::F32) {
    for (const std::string& path : files) m.files.push_back(file(path));
    m.components.push_back(
        {role, std::string(architecture), TensorNaming::Diffusers, compute, std::move(files), std::move(config)});
  };
  component(ComponentRole::DenoiserHighNoise, kWanTransformer,
            {"transformer/1.safetensors", "transformer/2.safetensors"}, transformer, ComputeDtype::Bf16);
  component(ComponentRole::Denoiser, kWanTransformer, {"transformer_2/1.safetensors"}, transformer, ComputeDtype::Bf16);
  m.components.back().naming = TensorNaming::Original;
  component(ComponentRole::Autoencoder, kWanAutoencoder, {"vae/1.safetensors"}, autoencoder);
  component(ComponentRole::TextEncoder, kUmt5Encoder, {"text_encoder/1.safetensors"}, encoder);
  component(ComponentRole::Tokenizer, kUnigram, {"tokenizer/spiece.model"}, std::monostate());
  return m;
}

base::Error error_of(const std::string& text) {
  const auto manifest = parse_manifest(text);
  return manifest.ok() ? base::Error{"accepted", "", "", ""} : manifest.error();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string demo_text() {
  return *base::read_file(FRAMEMILL_SOURCE_DIR "/models/demo-clips@1/model.toml", kManifestBytesMax);
}

TEST_CASE("a manifest of format 2 that was written reads back equal") {
  const Manifest written = wan();
  const auto read = parse_manifest(manifest_text(written));
  INFO((read.ok() ? "" : read.error().message));
  REQUIRE(read.ok());
  CHECK(*read == written);
  CHECK(manifest_text(*read) == manifest_text(written));
  Manifest stated = written;
  stated.cpu_memory = jobs::MemoryPrior();
  stated.cpu_memory->resident_bytes = 1 << 20;
  stated.cpu_memory->per_window_bytes = 2 << 20;
  stated.cpu_memory->host_bytes = 3 << 20;
  stated.limits = {9, 17, 16, 832, 480, 832 * 480};
  const auto with_memory = parse_manifest(manifest_text(stated));
  REQUIRE(with_memory.ok());
  CHECK(*with_memory == stated);
}

TEST_CASE("a manifest of format 1 is a denoiser and a vocabulary") {
  const auto demo = parse_manifest(demo_text());
  REQUIRE(demo.ok());
  CHECK(demo->format == 1);
  REQUIRE(demo->components.size() == 2);
  const Component* denoiser = demo->component(ComponentRole::Denoiser);
  REQUIRE(denoiser != nullptr);
  CHECK(denoiser->architecture == "demo-clips@1");
  CHECK(denoiser->files == std::vector<std::string>{"weights.safetensors"});
  CHECK(demo->network().image_width == 64);
  CHECK(demo->network().window_frames == 16);
  CHECK(demo->network().layers == 6);
  CHECK(demo->component(ComponentRole::Vocabulary)->files == std::vector<std::string>{"vocabulary.toml"});
  CHECK(demo->component(ComponentRole::TextEncoder) == nullptr);
  CHECK(demo->conditioning.kind == jobs::ConditioningKind::Vocabulary);
  CHECK(demo->limits == jobs::WindowLimits());  // one size and length
  CHECK(root_digest(*demo, demo_text()).hex() == "d2fb05a023e73a8a56fc28935299f2f088d8c9e523cb46ecf6d66ee20a0dc7a6");
}

TEST_CASE("keys of format 2 are unknown to format 1, and the other way round") {
  CHECK_THAT(error_of(replaced(demo_text(), "frames = 16\n", "frames = 16\nframes_max = 32\n")).message,
             Catch::Contains("unknown key \"frames_max\""));
  CHECK_THAT(error_of(demo_text() + "\n[conditioning]\nkind = \"text\"\n").message,
             Catch::Contains("unknown key \"conditioning\""));
  const std::string text = manifest_text(wan());
  CHECK_THAT(error_of(text + "\n[network]\nbackend = \"builtin\"\n").message,
             Catch::Contains("unknown key \"network\""));
  CHECK_THAT(error_of(replaced(text, "role = \"component\"", "role = \"weights\"")).message,
             Catch::Contains("\"weights\""));
}

TEST_CASE("the demo network is an architecture of format 2 as well, of one size") {
  Manifest m = *parse_manifest(demo_text());
  m.format = 2;
  for (PackageFile& entry : m.files)
    if (entry.role != FileRole::Licence) entry.role = FileRole::Component;
  const auto read = parse_manifest(manifest_text(m));
  INFO((read.ok() ? "" : read.error().message));
  REQUIRE(read.ok());
  CHECK(*read == m);
  CHECK_THAT(error_of(replaced(manifest_text(m), "frames = 16\n", "frames = 16\nframes_max = 32\n")).message,
             Catch::Contains("windows of one size and length"));
}

TEST_CASE("what does not fit together in a manifest of format 2 is refused with what it is") {
  const Manifest good = wan();
  const auto message = [&](const std::function<void(Manifest&)>& spoil) {
    Manifest m = good;
    spoil(m);
    const base::Error error = error_of(manifest_text(m));
    CHECK(error.code == "model.manifest");
    return error.message;
  };
  const auto without = [&](ComponentRole role) {
    return message(
        [&](Manifest& m) { std::erase_if(m.components, [&](const Component& c) { return c.role == role; }); });
  };
  CHECK_THAT(without(ComponentRole::Denoiser), Catch::Contains("no component has the role \"denoiser\""));
  CHECK_THAT(without(ComponentRole::DenoiserHighNoise), Catch::Contains("which sampler.boundary needs"));
  CHECK_THAT(without(ComponentRole::Autoencoder), Catch::Contains("which wan-transformer needs"));
  CHECK_THAT(without(ComponentRole::Tokenizer), Catch::Contains("which conditioning.kind = \"text\" needs"));
  CHECK_THAT(message([](Manifest& m) { m.components.push_back(m.components.front()); }),
             Catch::Contains("a second component has the role"));
  CHECK_THAT(message([](Manifest& m) { m.boundary.reset(); }), Catch::Contains("sampler.boundary is missing"));
  CHECK_THAT(message([](Manifest& m) { m.files.push_back(file("stray.safetensors")); }),
             Catch::Contains("no component names the file \"stray.safetensors\""));
  CHECK_THAT(message([](Manifest& m) { m.components.front().files.push_back("absent.safetensors"); }),
             Catch::Contains("no [[file]] has the path \"absent.safetensors\""));
  CHECK_THAT(message([](Manifest& m) { m.components.front().role = ComponentRole::TextEncoder; }),
             Catch::Contains("\"wan-transformer\" cannot be a text_encoder"));
  CHECK_THAT(
      message([](Manifest& m) { std::get<Umt5Config>(m.component(ComponentRole::TextEncoder)->config).d_model = 32; }),
      Catch::Contains("the text encoder's d_model is 32, the denoiser's text_dim 64"));
  CHECK_THAT(message([](Manifest& m) {
               std::get<WanTransformerConfig>(m.component(ComponentRole::Denoiser)->config).out_channels = 48;
             }),
             Catch::Contains("z_dim is 16, the denoiser's out_channels 48"));
  CHECK_THAT(message([](Manifest& m) { m.limits.size_multiple = 8; }), Catch::Contains("size_multiple is 8"));
  CHECK_THAT(message([](Manifest& m) {
               std::get<WanTransformerConfig>(m.component(ComponentRole::Denoiser)->config).heads = 100000;
             }),
             Catch::Contains("heads is 100000; allowed are 1 to 256"));
  CHECK_THAT(message([](Manifest& m) {
               std::get<WanAutoencoderConfig>(m.component(ComponentRole::Autoencoder)->config).latents_std.pop_back();
             }),
             Catch::Contains("latents_mean and latents_std must have 16 entries"));
  CHECK_THAT(message([](Manifest& m) { m.limits.frames_max = 120; }),
             Catch::Contains("120 does not follow the time ratio"));
  CHECK_THAT(message([](Manifest& m) { m.limits.width_max = 640; }), Catch::Contains("640 is less than window.width"));
  CHECK_THAT(message([](Manifest& m) { m.height = 481; }), Catch::Contains("481 is not a multiple of 16"));
  CHECK_THAT(message([](Manifest& m) { m.limits.pixels_max = 1000; }), Catch::Contains("1000 is less than"));
}

TEST_CASE("memory is predicted from the networks' sizes where a manifest states none") {
  // Wan 2.1 1.3B with umT5-XXL in bf16, and the autoencoder in f32: 1.42, 5.68 and 0.127 billion parameters.
  Manifest m = wan();
  m.boundary.reset();
  std::erase_if(m.components, [](const Component& c) { return c.role == ComponentRole::DenoiserHighNoise; });
  WanTransformerConfig transformer;
  transformer.heads = 12;
  transformer.ffn_dim = 8960;
  transformer.layers = 30;
  m.component(ComponentRole::Denoiser)->config = transformer;
  m.component(ComponentRole::TextEncoder)->config = Umt5Config();
  const auto resident = [&] { return double(predicted_memory(m, MemoryOf::Cpu).resident_bytes) / 1e9; };
  m.component(ComponentRole::TextEncoder)->compute = ComputeDtype::Bf16;
  CHECK(resident() == Approx(2 * 5.68).epsilon(0.01));  // the encoder is larger than all the others, and goes
  std::get<Umt5Config>(m.component(ComponentRole::TextEncoder)->config).layers = 1;
  std::get<Umt5Config>(m.component(ComponentRole::TextEncoder)->config).vocabulary = 1000;
  CHECK(resident() == Approx(2 * 1.42 + 4 * 0.127).epsilon(0.01));
  m.component(ComponentRole::Denoiser)->compute = ComputeDtype::F32;
  CHECK(resident() == Approx(4 * 1.42 + 4 * 0.127).epsilon(0.01));
  CHECK(predicted_memory(m, MemoryOf::Cuda).host_bytes > predicted_memory(m, MemoryOf::Cpu).host_bytes);

  // A token of this network stands for 4 frames of 16x16 pixels.
  const jobs::MemoryPrior f32 = predicted_memory(m, MemoryOf::Cpu);
  m.component(ComponentRole::Denoiser)->compute = ComputeDtype::Bf16;
  const jobs::MemoryPrior bf16 = predicted_memory(m, MemoryOf::Cpu);
  CHECK(bf16.voxel_bytes < f32.voxel_bytes);
  CHECK(bf16.voxel_bytes * 1024 > 2 * 2 * 8960);
  CHECK(bf16.pixel_bytes == f32.pixel_bytes);
  CHECK(bf16.per_window_bytes == 2u * 4 * 512 * 4096);
  transformer.heads = 24;
  m.component(ComponentRole::Denoiser)->config = transformer;
  CHECK(predicted_memory(m, MemoryOf::Cpu).voxel_bytes > bf16.voxel_bytes);
}

TEST_CASE("a component's unknown key is an error with its line and the nearest known one") {
  const base::Error error = error_of(replaced(manifest_text(wan()), "ffn_dim = ", "ffn_dims = "));
  CHECK_THAT(error.message, Catch::Contains("line "));
  CHECK_THAT(error.message, Catch::Contains("component[0].config.ffn_dims: unknown key \"ffn_dims\""));
  CHECK_THAT(error.message + error.hint, Catch::Contains("did you mean \"ffn_dim\"?"));
  CHECK_THAT(error_of(replaced(manifest_text(wan()), "files = [\"tokenizer/spiece.model\"]",
                               "files = [\"tokenizer/spiece.model\"]\n[component.config]\nheads = 2"))
                 .message,
             Catch::Contains("unknown key \"config\""));
}

}  // namespace
}  // namespace framemill::models
