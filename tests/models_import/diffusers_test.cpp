#include "downloads.h"
#include "models/package.h"

namespace framemill::models {
namespace {

std::string code_of(const base::Result<ImportedPackage>& imported) {
  return imported.ok() ? "imported" : imported.error().code + " | " + imported.error().message;
}

TEST_CASE("a directory that diffusers wrote becomes a package that opens and whose weights are its network's") {
  const Downloads downloads;
  const auto imported = downloads.import(downloads.request(downloads.diffusers("small-t2v")));
  REQUIRE(code_of(imported) == "imported");
  CHECK(imported->directory == downloads.packages() / "small-t2v@1");
  const auto package = open_package(imported->directory);
  REQUIRE(package.ok());
  CHECK(package->root_digest == imported->root_digest);
  CHECK(faults(*package).empty());
  const Manifest& m = package->manifest;
  CHECK(m.licence == "Apache-2.0");
  CHECK(m.sampler == SamplerKind::FlowEuler);
  CHECK(m.noise_shift == 7.0);
  CHECK_FALSE(m.boundary);
  CHECK(m.conditioning.max_tokens == 512);
  CHECK(m.limits.size_multiple == 16);
  CHECK(m.width == 512);  // 832 is beyond the network's 32 places of 16 pixels
  CHECK(m.context_frames == 0);
  const Component& denoiser = *m.component(ComponentRole::Denoiser);
  CHECK(denoiser.naming == TensorNaming::Diffusers);
  CHECK(denoiser.compute == ComputeDtype::Bf16);
  CHECK(denoiser.files == std::vector<std::string>{"transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
                                                   "transformer/diffusion_pytorch_model-00002-of-00002.safetensors"});
  WanTransformerConfig expected = small_transformer();
  expected.rope_max_length = 32;
  CHECK(std::get<WanTransformerConfig>(denoiser.config) == expected);
  CHECK(m.component(ComponentRole::Autoencoder)->compute == ComputeDtype::F32);
  CHECK(m.component(ComponentRole::Tokenizer)->files == std::vector<std::string>{"tokenizer/tokenizer.json"});
}

TEST_CASE("weights get a second name by default, a link or a copy where that is asked for") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  const fs::path part = "transformer/diffusion_pytorch_model-00001-of-00002.safetensors";
  ImportRequest request = downloads.request(source);
  REQUIRE(code_of(downloads.import(request)) == "imported");
  CHECK(fs::equivalent(downloads.packages() / "small-t2v@1" / part, source / part));
  CHECK(fs::hard_link_count(source / part) == 2);

  request.id = "linked@2";
  request.transfer = Transfer::SymbolicLink;
  REQUIRE(code_of(downloads.import(request)) == "imported");
  CHECK(fs::is_symlink(downloads.packages() / "linked@2" / part));
  CHECK(open_package(downloads.packages() / "linked@2").ok());

  request.id = "copied@3";
  request.transfer = Transfer::Copy;
  REQUIRE(code_of(downloads.import(request)) == "imported");
  CHECK_FALSE(fs::equivalent(downloads.packages() / "copied@3" / part, source / part));
  CHECK(read(downloads.packages() / "copied@3" / part) == read(source / part));
}

TEST_CASE("every kind of Wan directory is recognised for what it is") {
  const Downloads downloads;
  const auto manifest_of = [&](const char* name) {
    const auto plan = plan_import(downloads.request(downloads.diffusers(name)));
    INFO((plan.ok() ? std::string() : plan.error().message));
    REQUIRE(plan.ok());
    return plan->manifest;
  };
  const Manifest first_frame = manifest_of("small-ti2v-5b");
  CHECK(first_frame.context_frames == 1);
  CHECK(first_frame.fps == 24);
  CHECK(first_frame.noise_shift == 5.0);
  CHECK(first_frame.sampler == SamplerKind::FlowUnipc);
  CHECK(first_frame.limits.size_multiple == 32);
  CHECK(std::get<WanAutoencoderConfig>(first_frame.component(ComponentRole::Autoencoder)->config).space_ratio == 16);

  const Manifest experts = manifest_of("small-t2v-a14b");
  CHECK(experts.boundary == 0.875);
  CHECK(experts.guidance_low == 3.0);
  CHECK(experts.default_guidance == 4.0);
  CHECK(experts.component(ComponentRole::DenoiserHighNoise)->files.front().starts_with("transformer/"));
  CHECK(experts.component(ComponentRole::Denoiser)->files.front().starts_with("transformer_2/"));

  const Manifest image = manifest_of("small-i2v-a14b");
  CHECK(image.boundary == 0.9);
  CHECK(image.context_frames == 1);
  CHECK(std::get<WanTransformerConfig>(image.component(ComponentRole::Denoiser)->config).in_channels == 36);

  const Manifest control = manifest_of("small-vace");
  CHECK(std::get<WanTransformerConfig>(control.component(ComponentRole::Denoiser)->config).vace_layers ==
        std::vector<int>{0, 1});
}

TEST_CASE("all that a directory lacks is named at once") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  fs::remove(source / "transformer/diffusion_pytorch_model-00002-of-00002.safetensors");
  fs::remove_all(source / "vae");
  fs::remove(source / "text_encoder/model.safetensors");
  fs::remove(source / "tokenizer/tokenizer.json");
  const auto imported = downloads.import(downloads.request(source));
  REQUIRE_FALSE(imported.ok());
  CHECK(imported.error().code == "model.import");
  for (const char* part :
       {"transformer lacks diffusion_pytorch_model-00002-of-00002.safetensors", "the directory vae is missing",
        "text_encoder has no safetensors file", "tokenizer has neither spiece.model nor tokenizer.json"})
    CHECK_THAT(imported.error().message, Catch::Contains(part));
  CHECK_FALSE(fs::exists(downloads.packages()));
}

TEST_CASE("tensors that do not match the configuration are named by kind") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  const fs::path vae = source / "vae/diffusion_pytorch_model.safetensors";
  SafetensorsWriter writer =
      weights_of(tensor_list(small_autoencoder()), Names::Canonical, [](const std::string& name) {
        return name != "decoder.conv_in.bias" && name != "quant_conv.bias" && name != "post_quant_conv.bias";
      });
  writer.add_floats("decoder.attention.weight", {1}, std::vector<float>{1});
  writer.add_floats("quant_conv.bias", {3}, std::vector<float>(3));
  writer.add("post_quant_conv.bias", Dtype::I8, {16}, std::string(16, '\0'));
  write(vae, writer.bytes());
  const std::string said = code_of(downloads.import(downloads.request(source)));
  CHECK_THAT(said, Catch::Contains("model.weights") && Catch::Contains("1 missing: decoder.conv_in.bias"));
  CHECK_THAT(said, Catch::Contains("1 that the network does not have: decoder.attention.weight"));
  CHECK_THAT(said, Catch::Contains("quant_conv.bias is 3 instead of 32"));
  CHECK_THAT(said, Catch::Contains("post_quant_conv.bias (I8)"));
}

TEST_CASE("of many wrong tensors the first ten are named") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  write(source / "vae/diffusion_pytorch_model.safetensors",
        weights_of(tensor_list(small_autoencoder()), Names::Canonical, [](const std::string& name) {
          return name.starts_with("decoder");
        }).bytes());
  const std::string said = code_of(downloads.import(downloads.request(source)));
  CHECK_THAT(said, Catch::Contains("missing: encoder.conv_in.bias, ") && Catch::Contains(" more"));
  CHECK(std::count(said.begin(), said.end(), ',') == 9);
}

TEST_CASE("a pickle is refused, as what it is, wherever it lies") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  fs::rename(source / "vae/diffusion_pytorch_model.safetensors", source / "vae/diffusion_pytorch_model.bin");
  CHECK_THAT(code_of(downloads.import(downloads.request(source))),
             Catch::Contains("model.pickle") && Catch::Contains("diffusion_pytorch_model.bin is a pickle"));
  fs::remove(source / "vae/diffusion_pytorch_model.bin");
  write(source / "vae/diffusion_pytorch_model.safetensors", std::string("PK\x03\x04") + std::string(100, 'x'));
  CHECK_THAT(code_of(downloads.import(downloads.request(source))), Catch::Contains("model.pickle"));
}

TEST_CASE("settings that Framemill does not know or support are refused, not ignored") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  const auto said_with = [&](const char* file, const std::string& from, const std::string& to) {
    const std::string before = read(source / file);
    replace_in(source / file, from, to);
    const std::string said = code_of(downloads.import(downloads.request(source)));
    write(source / file, before);
    return said;
  };
  CHECK_THAT(said_with("transformer/config.json", "\"eps\"", "\"sparse_attention\": true, \"eps\""),
             Catch::Contains("\"sparse_attention\" is a setting that Framemill does not know"));
  CHECK_THAT(said_with("transformer/config.json", "rms_norm_across_heads", "layer_norm"),
             Catch::Contains("\"qk_norm\" is \"layer_norm\""));
  CHECK_THAT(said_with("transformer/config.json", "\"num_layers\": 2", "\"num_layers\": \"two\""),
             Catch::Contains("transformer/config.json: \"num_layers\" is not a whole number"));
  CHECK_THAT(said_with("transformer/config.json", "\"num_layers\": 2", "\"num_layers\": 2000000000"),
             Catch::Contains("model.network"));
  CHECK_THAT(said_with("transformer/config.json", "\"num_layers\": 2", "\"num_layers\": 3"),
             Catch::Contains("missing: blocks.2.attn1.norm_k.weight"));
  CHECK_THAT(said_with("vae/config.json", "\"attn_scales\": []", "\"attn_scales\": [0.5]"),
             Catch::Contains("attn_scales"));
  CHECK_THAT(said_with("text_encoder/config.json", "\"model_type\": \"umt5\"", "\"model_type\": \"t5\""),
             Catch::Contains("\"model_type\" is \"t5\""));
  CHECK_THAT(said_with("scheduler/scheduler_config.json", "FlowMatchEulerDiscreteScheduler", "HeunDiscreteScheduler"),
             Catch::Contains("HeunDiscreteScheduler"));
  CHECK_THAT(said_with("model_index.json", "\"WanPipeline\"", "\"WanAnimatePipeline\""),
             Catch::Contains("holds a WanAnimatePipeline, which Framemill does not run"));
  CHECK_THAT(said_with("model_index.json", "{", "["), Catch::Contains("is not valid JSON"));
  CHECK_THAT(said_with("text_encoder/config.json", "\"d_model\": 32", "\"d_model\": 64"),
             Catch::Contains("model.weights"));
}

TEST_CASE("a text encoder of another width than the denoiser's is not its text encoder") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  Umt5Config other = small_text_encoder();
  other.d_model = 64;
  replace_in(source / "text_encoder/config.json", "\"d_model\": 32", "\"d_model\": 64");
  write(source / "text_encoder/model.safetensors", weights_of(tensor_list(other)).bytes());
  CHECK_THAT(code_of(downloads.import(downloads.request(source))),
             Catch::Contains("do not make a model together") && Catch::Contains("d_model is 64"));
}

}  // namespace
}  // namespace framemill::models
