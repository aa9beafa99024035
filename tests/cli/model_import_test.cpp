#include <catch2/catch.hpp>
#include <set>

#include "models/safetensors.h"
#include "models/wan/tensors.h"
#include "run.h"

namespace framemill::cli {
namespace {

namespace fs = std::filesystem;
using testing::Outcome;
using testing::Program;

// "small-t2v" as diffusers wrote it (tests/data/wan/layouts), with weights of zeros.
fs::path download(const Program& program) {
  const fs::path target = program.home.path() / "My Downloads/small-t2v";
  fs::create_directories(target.parent_path());
  fs::copy(FRAMEMILL_SOURCE_DIR "/tests/data/wan/layouts/small-t2v", target, fs::copy_options::recursive);
  const auto write = [&](const std::string& file, const models::TensorShapes& tensors) {
    models::SafetensorsWriter writer;
    for (const auto& [name, shape] : tensors) {
      std::size_t count = 1;
      for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
      writer.add_floats(name, shape, std::vector<float>(count));
    }
    std::ofstream(target / file, std::ios::binary) << writer.bytes();
  };
  models::WanTransformerConfig denoiser;
  denoiser.heads = denoiser.layers = 2;
  denoiser.head_dim = 12;
  denoiser.text_dim = denoiser.ffn_dim = 32;
  models::WanAutoencoderConfig autoencoder;
  autoencoder.base_dim = 3;
  autoencoder.dim_mult = {1, 1, 1, 1};
  autoencoder.residual_blocks = 1;
  models::Umt5Config encoder;
  encoder.d_model = 32;
  encoder.d_ff = 37;
  encoder.heads = 4;
  encoder.d_kv = 8;
  encoder.layers = 2;
  encoder.vocabulary = 256;
  write("transformer/diffusion_pytorch_model.safetensors", models::tensors_of(denoiser));
  write("vae/diffusion_pytorch_model.safetensors", models::tensors_of(autoencoder));
  write("text_encoder/model.safetensors", models::tensors_of(encoder));
  return target;
}

TEST_CASE("model import says what it recognised and makes a package that the other verbs know") {
  Program program;
  const fs::path source = download(program), into = program.home.path() / "models";
  const std::vector<std::string> import = {"model", "import", source.string(), "--into", into.string()};
  std::vector<std::string> dry = import;
  dry.emplace_back("--dry-run");
  const Outcome planned = program.run(dry);
  INFO(planned.err);
  CHECK(planned.code == 0);
  CHECK_THAT(planned.out, Catch::Contains("diffusers directory of a WanPipeline") &&
                              Catch::Contains("Apache-2.0 (README.md)") &&
                              Catch::Contains("wan-transformer, 69 tensors") && Catch::Contains("nothing was written"));
  CHECK_FALSE(fs::exists(into));

  const Outcome imported = program.run(import);
  INFO(imported.err);
  CHECK(imported.code == 0);
  CHECK_THAT(imported.out, Catch::Contains("imported " + (into / "small-t2v@1").string() + ", digest "));
  const Outcome listed = program.run({"model", "list", "--models", into.string()});
  CHECK_THAT(listed.out, Catch::Contains("small-t2v@1") && Catch::Contains("Wan, text to video"));
  CHECK(program.run({"model", "verify", "small-t2v@1", "--models", into.string()}).code == 0);
  const Outcome shown = program.run({"model", "show", "small-t2v@1", "--models", into.string()});
  CHECK_THAT(shown.out, Catch::Contains("text_encoder: umt5-encoder"));
  const Outcome words = program.run({"model", "vocabulary", "small-t2v@1", "--models", into.string()});
  CHECK_THAT(words.err, Catch::Contains("small-t2v@1 has no vocabulary: its prompts are any text of up to 512 tokens"));

  const Outcome again = program.run(import);
  CHECK(again.code != 0);
  CHECK_THAT(again.err, Catch::Contains("model.exists") && Catch::Contains("framemill model remove"));
  CHECK(program.run({"model", "remove", "small-t2v@1", "--models", into.string()}).code == 0);
  CHECK(fs::is_empty(into));
}

TEST_CASE("model import as JSON names every file with its digest") {
  Program program;
  const fs::path source = download(program), into = program.home.path() / "models";
  const Outcome imported = program.run({"--json", "model", "import", source.string(), "--into", into.string(), "--name",
                                        "mine@2", "--compute", "f32", "--copy"});
  INFO(imported.err);
  REQUIRE(imported.code == 0);
  const json::object result = json::parse(imported.out).as_object();
  CHECK(result.at("id").as_string() == "mine@2");
  CHECK(result.at("licence").as_string() == "Apache-2.0");
  CHECK(result.at("components").as_array().size() == 4);
  CHECK(result.at("files").as_array().size() == 4);
  CHECK(result.at("files").as_array()[0].as_object().at("sha256").as_string().size() == 64);
  CHECK(result.at("directory").as_string() == (into / "mine@2").string());
}

TEST_CASE("model import stops at Ctrl-C and keeps nothing") {
  Program program;
  const fs::path source = download(program), into = program.home.path() / "models";
  program.keep_going = [] { return false; };
  const Outcome stopped = program.run({"model", "import", source.string(), "--into", into.string()});
  CHECK(stopped.code == 130);
  CHECK_THAT(stopped.err, Catch::Contains("nothing was kept"));
  CHECK(fs::is_empty(into));
}

TEST_CASE("model import answers a wrong call with what to give") {
  Program program;
  const fs::path source = download(program);
  const auto said = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"model", "import"});
    const Outcome outcome = program.run(arguments);
    CHECK(outcome.code != 0);
    return outcome.err;
  };
  const std::string into = (program.home.path() / "models").string();
  CHECK_THAT(said({source.string(), "--into", into, "--copy", "--link"}), Catch::Contains("exclude each other"));
  CHECK_THAT(said({source.string(), "--into", into, "--compute", "fp8"}), Catch::Contains("bf16 or f32"));
  CHECK_THAT(said({source.string(), "--into", into, "--name", "Mine"}), Catch::Contains("lower-case letters"));
  CHECK_THAT(said({source.string(), "--into", into, "--licence", "free for all"}), Catch::Contains("SPDX"));
  CHECK_THAT(said({(source / "vae").string(), "--into", into}), Catch::Contains("not a whole model"));
  CHECK_THAT(said({"/nowhere", "--into", into}), Catch::Contains("there is no /nowhere"));
  fs::remove(source / "README.md");
  CHECK_THAT(said({source.string(), "--into", into}),
             Catch::Contains("no licence is named") && Catch::Contains("--licence"));
}

}  // namespace
}  // namespace framemill::cli
