#include "downloads.h"
#include "models/package.h"
#include "models/wan/names.h"

namespace framemill::models {
namespace {

std::string said_of(const base::Result<ImportPlan>& plan) {
  return plan.ok() ? "planned" : plan.error().code + " | " + plan.error().message + " | " + plan.error().hint;
}

TEST_CASE("single files in the authors' naming give the package that the directory gives") {
  const Downloads downloads;
  const auto from_directory = plan_import(downloads.request(downloads.diffusers("small-t2v")));
  ImportRequest request = downloads.request(downloads.single_files());
  const auto from_files = plan_import(request);
  REQUIRE(said_of(from_directory) == "planned");
  REQUIRE(said_of(from_files) == "planned");
  const Manifest &a = from_directory->manifest, &b = from_files->manifest;
  CHECK(b.id() == "small_t2v@1");
  for (const ComponentRole role : {ComponentRole::Denoiser, ComponentRole::Autoencoder, ComponentRole::TextEncoder}) {
    INFO(name(role));
    CHECK(b.component(role)->naming == TensorNaming::Original);
    ComponentConfig stated = a.component(role)->config;
    if (auto* denoiser = std::get_if<WanTransformerConfig>(&stated)) denoiser->rope_max_length = 1024;  // not in shapes
    CHECK(b.component(role)->config == stated);
  }
  CHECK(b.sampler == a.sampler);
  CHECK(b.noise_shift == a.noise_shift);
  CHECK(b.default_steps == a.default_steps);

  const auto imported = downloads.import(request);
  REQUIRE(imported.ok());
  const auto package = open_package(imported->directory);
  REQUIRE(package.ok());
  CHECK(faults(*package).empty());
  CHECK(b.component(ComponentRole::Denoiser)->files == std::vector<std::string>{"denoiser/small_t2v.safetensors"});
}

TEST_CASE("a file whose heads nothing tells is not guessed at") {
  const Downloads downloads;
  std::vector<fs::path> files = downloads.single_files();
  std::erase_if(files, [](const fs::path& path) { return path.filename() == "config.json"; });
  CHECK_THAT(said_of(plan_import(downloads.request(files))),
             Catch::Contains("does not tell how many heads") && Catch::Contains("config.json"));
}

TEST_CASE("two experts are recognised by their file names, and refused when the names do not say which is which") {
  const Downloads downloads;
  std::vector<fs::path> files = downloads.single_files();
  const fs::path folder = files.front().parent_path();
  fs::rename(files.front(), folder / "wan_low_noise.safetensors");
  fs::copy(folder / "wan_low_noise.safetensors", folder / "wan_high_noise.safetensors");
  files.front() = folder / "wan_low_noise.safetensors";
  files.push_back(folder / "wan_high_noise.safetensors");
  const auto plan = plan_import(downloads.request(files));
  REQUIRE(said_of(plan) == "planned");
  CHECK(plan->manifest.boundary == 0.875);
  CHECK(plan->manifest.component(ComponentRole::DenoiserHighNoise)->files.front() ==
        "denoiser_high_noise/wan_high_noise.safetensors");
  fs::rename(files.back(), folder / "wan_other.safetensors");
  files.back() = folder / "wan_other.safetensors";
  CHECK_THAT(said_of(plan_import(downloads.request(files))),
             Catch::Contains("two files hold a denoiser") && Catch::Contains("\"high\" in its name"));
}

TEST_CASE("what is missing of single files, and what does not belong to a model, is named") {
  const Downloads downloads;
  const std::vector<fs::path> files = downloads.single_files();
  CHECK_THAT(said_of(plan_import(downloads.request({files[0], files[3]}))),
             Catch::Contains("no autoencoder (VAE)") && Catch::Contains("no text encoder (umT5)") &&
                 Catch::Contains("no tokenizer"));
  const fs::path folder = downloads.root() / "others";
  SafetensorsWriter adapter, unknown;
  adapter.add_floats("blocks.0.self_attn.q.lora_A.weight", {1}, std::vector<float>{1});
  unknown.add_floats("model.layers.0.mlp.weight", {1}, std::vector<float>{1});
  write(folder / "lora.safetensors", adapter.bytes());
  write(folder / "llm.safetensors", unknown.bytes());
  write(folder / "model.gguf", "GGUF" + std::string(64, '\0'));
  write(folder / "model.ckpt", std::string(64, '\0'));
  write(folder / "cut.safetensors", weights_of(tensor_list(small_transformer())).bytes().substr(0, 5000));
  write(folder / "other.json", R"({"_class_name":"FluxTransformer2DModel"})");
  write(folder / "model-00001-of-00003.safetensors", unknown.bytes());
  const auto said = [&](const char* name) { return said_of(plan_import(downloads.request(folder / name))); };
  CHECK_THAT(said("lora.safetensors"), Catch::Contains("is an adapter (LoRA), not a model"));
  CHECK_THAT(said("llm.safetensors"), Catch::Contains("not a network that Framemill knows"));
  CHECK_THAT(said("model.gguf"), Catch::Contains("GGUF"));
  CHECK_THAT(said("model.ckpt"), Catch::Contains("model.pickle"));
  CHECK_THAT(said("cut.safetensors"), Catch::Contains("model.safetensors | cut.safetensors"));
  CHECK_THAT(said("other.json"), Catch::Contains("not a configuration that Framemill knows"));
  CHECK_THAT(said("model-00001-of-00003.safetensors"), Catch::Contains("2 of 3 parts of model are missing: 2, 3"));
  CHECK_THAT(said("nothing.safetensors"), Catch::Contains("there is no "));
  CHECK_THAT(said(""), Catch::Contains("model."));
}

TEST_CASE(
    "the tokenizer that lies in a text encoder's file is taken, and scales of 8-bit weights are counted as such") {
  const Downloads downloads;
  std::vector<fs::path> files = downloads.single_files();
  const std::string tokenizer = read(FRAMEMILL_SOURCE_DIR "/tests/models_text/reference/small.model");
  SafetensorsWriter encoder = weights_of(tensor_list(small_text_encoder()));
  encoder.add(std::string(kTokenizerTensor), Dtype::U8, {static_cast<std::int64_t>(tokenizer.size())}, tokenizer);
  encoder.add_floats("encoder.embed_tokens.weight", {256, 32}, std::vector<float>(256 * 32));
  write(files[2], encoder.bytes());
  SafetensorsWriter denoiser = weights_of(tensor_list(small_transformer()), Names::Original,
                                          [](const std::string& name) { return name != "blocks.0.attn1.to_q.weight"; });
  denoiser.add("blocks.0.self_attn.q.weight", Dtype::F8_E4M3, {24, 24}, std::string(24 * 24, '\x38'));
  denoiser.add_floats("blocks.0.self_attn.q.scale_weight", {}, std::vector<float>{0.5f});
  denoiser.add("scaled_fp8", Dtype::F8_E4M3, {0}, "");
  write(files[0], denoiser.bytes());
  std::erase_if(files, [](const fs::path& path) { return path.filename() == "tokenizer.json"; });
  const ImportRequest request = downloads.request(files);
  const auto plan = plan_import(request);
  REQUIRE(said_of(plan) == "planned");
  CHECK(plan->components.front().stored == "F32, F8_E4M3");
  const auto imported = write_import(*plan, request, {});
  REQUIRE(imported.ok());
  CHECK(read(imported->directory / "tokenizer/spiece.model") == tokenizer);
  CHECK(faults(*open_package(imported->directory)).empty());

  encoder = weights_of(tensor_list(small_text_encoder()));
  encoder.add(std::string(kTokenizerTensor), Dtype::U8, {4}, "junk");
  write(files[2], encoder.bytes());
  CHECK_THAT(said_of(plan_import(request)), Catch::Contains("model.tokenizer"));

  denoiser.add_floats("blocks.0.self_attn.k.scale_weight", {2}, std::vector<float>{1, 2});
  write(files[0], denoiser.bytes());
  CHECK_THAT(said_of(plan_import(request)), Catch::Contains("scales that are not one finite number"));
}

}  // namespace
}  // namespace framemill::models
