// Prompts of packages with a tokeniser, through the shelf that check and submit ask.
#include "models/text_prompt.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/file.h"
#include "models/package.h"
#include "tests/models/temporary_directory.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;

// A package without real weights: prompts need its manifest and its tokeniser.
Manifest manifest_with_tokenizer(int max_tokens) {
  Manifest m;
  m.format = 2;
  m.name = "tiny";
  m.version = "1";
  m.title = "Tiny";
  m.licence = "CC0-1.0";
  m.provenance = {"none", "a test", 0, "none"};
  m.window_frames = 9;
  m.fps = 16;
  m.width = m.height = 32;
  m.limits = {9, 17, 16, 64, 64, 4096};
  m.time_ratio = {4, 1};
  m.colour_space = "srgb";
  m.sampler = SamplerKind::FlowUnipc;
  m.default_steps = 2;
  m.steps_max = 50;
  m.guidance_max = 10.0;
  m.conditioning = {jobs::ConditioningKind::Text, max_tokens, ""};
  WanTransformerConfig transformer;
  transformer.text_dim = 32;
  WanAutoencoderConfig autoencoder;
  autoencoder.latents_mean = autoencoder.latents_std = std::vector<double>(16, 1.0);
  Umt5Config encoder;
  encoder.d_model = 32;
  const auto add = [&m](ComponentRole role, std::string_view architecture, const std::string& file,
                        ComponentConfig config) {
    m.files.push_back({FileRole::Component, file, 4, base::sha256("none")});
    m.components.push_back(
        {role, std::string(architecture), TensorNaming::Diffusers, ComputeDtype::F32, {file}, std::move(config)});
  };
  add(ComponentRole::Denoiser, kWanTransformer, "denoiser.safetensors", transformer);
  add(ComponentRole::Autoencoder, kWanAutoencoder, "autoencoder.safetensors", autoencoder);
  add(ComponentRole::TextEncoder, kUmt5Encoder, "text.safetensors", encoder);
  add(ComponentRole::Tokenizer, kUnigram, "spiece.model", std::monostate());
  return m;
}

void write(const fs::path& path, std::string_view text) {
  REQUIRE(base::write_file_durably(path, text).ok());
}

// A shelf with that package, whose tokeniser is `model`.
PackageShelf shelf_with(const fs::path& root, std::string_view model, int max_tokens) {
  Manifest manifest = manifest_with_tokenizer(max_tokens);
  fs::create_directories(root / "tiny@1");
  for (PackageFile& file : manifest.files) {
    const bool tokenizer = file.path == "spiece.model";
    write(root / "tiny@1" / file.path, tokenizer ? model : "none");
    if (tokenizer) file.size_bytes = model.size();
    if (tokenizer) file.sha256 = base::sha256(model);
  }
  write(root / "tiny@1" / "model.toml", manifest_text(manifest));
  PackageShelf shelf = PackageShelf::open({root});
  for (const base::Error& problem : shelf.problems()) UNSCOPED_INFO(problem.message);
  REQUIRE(shelf.problems().empty());
  return shelf;
}

std::string small_model() {
  return base::read_file(FRAMEMILL_SOURCE_DIR "/tests/models_text/reference/small.model", kTokenizerBytesMax).value();
}

}  // namespace

TEST_CASE("a prompt with more tokens than its package takes is reported with the place where it would be cut") {
  const TemporaryDirectory directory;
  const PackageShelf shelf = shelf_with(directory.path(), small_model(), 12);
  CHECK(shelf.check_prompt("tiny@1", "A red lantern").ok());
  CHECK(shelf.check_prompt("tiny@1", "").ok());
  const base::Status status =
      shelf.check_prompt("tiny@1", "A red lantern hangs  over the “harbour” while boats return");
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == "prompt.too_long");
  CHECK(status.error().field == "prompt");
  CHECK_THAT(status.error().message, Catch::Contains("tokens and tiny@1 takes 12: it would be cut between"));
  // Told of the cleaned text: single blanks, straight quotes.
  CHECK_THAT(status.error().message, Catch::Contains("A red lantern hangs over"));
}

TEST_CASE("a package whose tokeniser is damaged is reported by the first prompt") {
  const TemporaryDirectory directory;
  const PackageShelf shelf = shelf_with(directory.path(), "damaged", 12);
  const base::Status status = shelf.check_prompt("tiny@1", "sea");
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == "model.tokenizer");
  CHECK_THAT(status.error().message, Catch::Contains("tiny@1: spiece.model: SentencePiece model: malformed"));
  const std::vector<base::Error> all = faults(*shelf.package("tiny@1"));
  CHECK(std::any_of(all.begin(), all.end(), [](const base::Error& e) { return e.code == "model.tokenizer"; }));
}

}  // namespace framemill::models
