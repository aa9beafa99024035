#include "models/package.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <limits>

#include "base/file.h"
#include "models/safetensors.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;
const fs::path kDemo = FRAMEMILL_SOURCE_DIR "/models/demo-clips@1";

std::string manifest_text() {
  const auto text = base::read_file(kDemo / "model.toml", kManifestBytesMax);
  REQUIRE(text.ok());
  return *text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

base::Error error_of(const std::string& text) {
  const auto manifest = parse_manifest(text);
  return manifest.ok() ? base::Error{"accepted", "", "", ""} : manifest.error();
}

// A copy of the demo package that a test may spoil.
class Copy {
 public:
  Copy() {
    root_ = fs::temp_directory_path() /
            ("framemill-package-" + std::to_string(getpid()) + "-" + std::to_string(base::random_u64()));
    fs::create_directories(root_);
    fs::copy(kDemo, directory(), fs::copy_options::recursive);
  }
  ~Copy() { fs::remove_all(root_); }
  fs::path root() const { return root_; }
  fs::path directory() const { return root_ / "demo-clips@1"; }

 private:
  fs::path root_;
};

TEST_CASE("a licence is an SPDX expression") {
  for (const char* good : {"CC0-1.0", "LicenseRef-studio", "GPL-2.0+", "MIT OR Apache-2.0",
                           "MIT OR (Apache-2.0 AND CC-BY-4.0)", "GPL-2.0-only WITH Classpath-exception-2.0"}) {
    INFO(good);
    CHECK(is_licence_expression(good));
  }
  for (const char* bad : {"", "all rights reserved", "MIT OR", "OR MIT", "MIT (Apache-2.0)", "(MIT", "MIT)", "MIT, X11",
                          "()", "MIT AND OR X11"}) {
    INFO(bad);
    CHECK_FALSE(is_licence_expression(bad));
  }
}

TEST_CASE("the shipped package opens, verifies and gives the facts plans need") {
  const auto package = open_package(kDemo);
  REQUIRE(package.ok());
  CHECK(verify(*package).ok());
  CHECK(lint(*package).empty());
  const jobs::PackageFacts known = facts(*package);
  CHECK(known.id() == "demo-clips@1");
  CHECK(known.window_frames == 16);
  CHECK(known.context_frames == 4);
  CHECK(known.width == 64);
  CHECK(known.fps == 12);
  CHECK(known.root_digest == package->root_digest);
  CHECK(fs::file_size(kDemo / "weights.safetensors") <= 8'000'000);
}

TEST_CASE("an unknown key of a manifest is an error that names the nearest known one") {
  const base::Error error = error_of(replaced(manifest_text(), "default_steps", "default_step"));
  CHECK(error.code == "model.manifest");
  CHECK_THAT(error.message, Catch::Contains("sampler.default_step: unknown key \"default_step\""));
  CHECK_THAT(error.message, Catch::Contains("did you mean \"default_steps\"?"));
  CHECK_THAT(error.message, Catch::Contains("\"default_steps\" is missing"));
}

TEST_CASE("all mistakes of a manifest are reported at once, in the order of its lines") {
  std::string text = replaced(manifest_text(), "fps = 12", "fps = 0");
  text = replaced(text, "carry = \"latents\"", "carry = \"latent\"");
  const base::Error error = error_of(replaced(text, "role = \"weights\"", "role = \"weight\""));
  CHECK(error.code == "model.manifest");
  CHECK(error.field == "window.fps");
  CHECK_THAT(error.message, Catch::StartsWith("3 mistakes\n"));
  CHECK_THAT(error.message, Catch::Contains("window.fps: 0 is not in 1 to 1000"));
  CHECK_THAT(error.message, Catch::Contains("(did you mean \"latents\"?)"));
  CHECK_THAT(error.message, Catch::Contains("(did you mean \"weights\"?)"));
}

TEST_CASE("values of a manifest outside their range are refused with the field") {
  CHECK(error_of(replaced(manifest_text(), "frames = 16", "frames = 0")).field == "window.frames");
  CHECK(error_of(replaced(manifest_text(), "frames = 16", "frames = \"16\"")).field == "window.frames");
  CHECK(error_of(replaced(manifest_text(), "context_frames = 4", "context_frames = 16")).field ==
        "window.context_frames");
  CHECK(error_of(replaced(manifest_text(), "time_ratio_mul = 1", "time_ratio_mul = 3")).field == "window.frames");
  CHECK(error_of(replaced(manifest_text(), "steps_max = 200", "steps_max = 8")).field == "sampler.default_steps");
  CHECK(error_of(replaced(manifest_text(), "guidance_min_level = 0.6", "guidance_min_level = 1.5")).field ==
        "sampler.guidance_min_level");
  CHECK(error_of(replaced(manifest_text(), "guidance_rescale = 1.0", "guidance_rescale = -1")).field ==
        "sampler.guidance_rescale");
  CHECK(error_of(replaced(manifest_text(), "name = \"demo-clips\"", "name = \"../x\"")).code == "model.manifest");
  CHECK(error_of("format = 2").code == "model.manifest");
  CHECK(error_of("not toml at all [").code == "model.manifest");
}

TEST_CASE("a manifest's paths stay inside the package") {
  for (const char* path :
       {"/etc/passwd", "../weights", "a/../b", "a//b", ".hidden", "", "a/", "model.toml", "a\\u0000b"}) {
    const base::Error error =
        error_of(replaced(manifest_text(), "path = \"weights.safetensors\"", std::string("path = \"") + path + "\""));
    CHECK(error.code == "model.manifest");
  }
  CHECK(error_of(replaced(manifest_text(), "path = \"LICENCE\"", "path = \"vocabulary.toml\"")).code ==
        "model.manifest");
}

TEST_CASE("a time ratio of 4k+1 frames to k+1 latents is understood") {
  std::string text = replaced(manifest_text(), "time_ratio_mul = 1", "time_ratio_mul = 4");
  text = replaced(text, "time_ratio_add = 0", "time_ratio_add = 1");
  text = replaced(text, "frames = 16", "frames = 17");
  const auto manifest = parse_manifest(replaced(text, "context_frames = 4", "context_frames = 5"));
  REQUIRE(manifest.ok());
  CHECK(manifest->network().window_frames == 5);
}

TEST_CASE("a changed byte, a missing file, a link and a wrong directory name are each refused") {
  SECTION("a changed byte of the weights is found by verify") {
    const Copy copy;
    std::fstream file(copy.directory() / "weights.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100'000);
    const int old = file.peek();
    file.put(static_cast<char>(old ^ 1));
    file.close();
    const auto package = open_package(copy.directory());
    REQUIRE(package.ok());
    CHECK(verify(*package).error().code == "model.digest_mismatch");
  }
  SECTION("a changed vocabulary is found at once") {
    const Copy copy;
    std::string text = *base::read_file(copy.directory() / "vocabulary.toml", kVocabularyBytesMax);
    std::ofstream(copy.directory() / "vocabulary.toml") << replaced(text, "crimson", "crimsom");
    CHECK(open_package(copy.directory()).error().code == "model.digest_mismatch");
  }
  SECTION("a missing file") {
    const Copy copy;
    fs::remove(copy.directory() / "weights.safetensors");
    CHECK(open_package(copy.directory()).error().code == "model.package");
    CHECK(open_package(copy.directory(), Completeness::WithoutWeights).ok());
  }
  SECTION("a link") {
    const Copy copy;
    fs::rename(copy.directory() / "weights.safetensors", copy.root() / "elsewhere");
    fs::create_symlink(copy.root() / "elsewhere", copy.directory() / "weights.safetensors");
    CHECK(open_package(copy.directory()).error().code == "model.package");
  }
  SECTION("a directory of another name") {
    const Copy copy;
    fs::rename(copy.directory(), copy.root() / "demo-clips@2");
    CHECK(open_package(copy.root() / "demo-clips@2").error().code == "model.package");
  }
}

// The demo's weights with something done to them, under a manifest that names the new file.
std::vector<std::string> faults_with(const std::function<void(SafetensorsWriter&, const SafetensorsFile&)>& write) {
  const Copy copy;
  const auto original = SafetensorsFile::read(kDemo / "weights.safetensors", 1 << 30);
  REQUIRE(original.ok());
  SafetensorsWriter writer;
  write(writer, *original);
  const std::string bytes = writer.bytes();
  std::ofstream(copy.directory() / "weights.safetensors", std::ios::binary) << bytes;
  std::string text = manifest_text();
  const auto manifest = parse_manifest(text);
  const PackageFile& was = *manifest->file(FileRole::Weights);
  text = replaced(text, was.sha256.hex(), base::sha256(bytes).hex());
  text =
      replaced(text, "size_bytes = " + std::to_string(was.size_bytes), "size_bytes = " + std::to_string(bytes.size()));
  std::ofstream(copy.directory() / "model.toml") << text;
  const auto package = open_package(copy.directory());
  REQUIRE(package.ok());
  std::vector<std::string> out;
  for (const base::Error& fault : faults(*package)) out.push_back(fault.message);
  return out;
}
void add_all(SafetensorsWriter& writer, const SafetensorsFile& file, const std::string& but) {
  for (const auto& [name, tensor] : file.tensors())
    if (name != but) writer.add(name, tensor.dtype, tensor.shape, std::string(tensor.bytes));
}

TEST_CASE("a package's faults are everything for which its weights would not load") {
  const std::string changed = "transformer.layer0.qkv.bias";
  CHECK(faults_with([](SafetensorsWriter& writer, const SafetensorsFile& file) { add_all(writer, file, ""); }).empty());
  const auto missing = faults_with([&](SafetensorsWriter& writer, const SafetensorsFile& file) {
    add_all(writer, file, changed);
    writer.add_floats("transformer.lora", {1}, std::vector<float>{1});
  });
  REQUIRE(missing.size() == 1);
  CHECK_THAT(missing[0], Catch::Contains("missing tensors: " + changed));
  CHECK_THAT(missing[0], Catch::Contains("does not have: transformer.lora"));
  const auto misshapen = faults_with([&](SafetensorsWriter& writer, const SafetensorsFile& file) {
    add_all(writer, file, changed);
    writer.add_floats(changed, {2, 3}, std::vector<float>(6, 0.0f));
  });
  REQUIRE(misshapen.size() == 1);
  CHECK_THAT(misshapen[0], Catch::Contains(changed + " is 2x3 instead of 576"));
  const auto infinite = faults_with([&](SafetensorsWriter& writer, const SafetensorsFile& file) {
    add_all(writer, file, changed);
    std::vector<float> values(576, 0.0f);
    values[5] = std::numeric_limits<float>::quiet_NaN();
    writer.add_floats(changed, {576}, values);
  });
  REQUIRE(infinite.size() == 1);
  CHECK_THAT(infinite[0], Catch::Contains("not a number: " + changed));
  const auto untyped = faults_with([&](SafetensorsWriter& writer, const SafetensorsFile& file) {
    add_all(writer, file, changed);
    writer.add(changed, Dtype::I64, {576}, std::string(576 * 8, '\0'));
  });
  REQUIRE(untyped.size() == 1);
  CHECK_THAT(untyped[0], Catch::Contains("without floating-point values: " + changed + " (I64)"));
}

TEST_CASE("the root digest changes with any file and with the manifest") {
  const auto manifest = parse_manifest(manifest_text());
  REQUIRE(manifest.ok());
  const base::Sha256 digest = root_digest(*manifest, manifest_text());
  CHECK(digest == open_package(kDemo)->root_digest);
  Manifest other = *manifest;
  other.files[0].sha256.bytes[0] ^= 1;
  CHECK(root_digest(other, manifest_text()) != digest);
  CHECK(root_digest(*manifest, manifest_text() + "\n") != digest);
  std::reverse(other.files.begin(), other.files.end());
  other.files = std::vector<PackageFile>(manifest->files.rbegin(), manifest->files.rend());
  CHECK(root_digest(other, manifest_text()) == digest);  // order of listing says nothing
}

TEST_CASE("a shelf finds packages, checks prompts and reports broken ones") {
  const Copy copy;
  fs::create_directories(copy.root() / "broken@1");
  std::ofstream(copy.root() / "broken@1" / "model.toml") << "format = 1\n";
  const PackageShelf shelf = PackageShelf::open({copy.root()});
  CHECK(shelf.ids() == std::vector<std::string>{"demo-clips@1"});
  REQUIRE(shelf.find("demo-clips@1") != nullptr);
  CHECK(shelf.find("other@1") == nullptr);
  CHECK(shelf.problems().size() == 1);
  CHECK(shelf.check_prompt("demo-clips@1", "red boat on the sea").ok());
  CHECK(shelf.check_prompt("demo-clips@1", "red bote").error().code == "prompt.unknown_word");
  CHECK(shelf.check_prompt("other@1", "sea").error().code == "model.unknown");
}

}  // namespace
}  // namespace framemill::models
