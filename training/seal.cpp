#include "training/seal.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "models/package.h"
#include "models/safetensors.h"

namespace framemill::train {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kFileBytesMax = std::uint64_t{8} << 30;

std::string role_of(const std::string& name) {
  if (name.ends_with(".safetensors")) return "weights";
  if (name == "vocabulary.toml") return "vocabulary";
  return name == "LICENCE" ? "licence" : "other";
}

// A seal says that a package is whole: what must not be said of this one is refused before anything is written.
base::Status check_sealed(const fs::path& directory, const std::string& text) {
  const auto refuse = [](std::string why, std::string hint) {
    return base::Error{"train.seal", std::move(why), "", std::move(hint)};
  };
  FM_ASSIGN(const models::Manifest manifest, models::parse_manifest(text));
  int weights = 0;
  for (const models::PackageFile& file : manifest.files) weights += file.role == models::FileRole::Weights ? 1 : 0;
  if (weights != 1)
    return refuse(fmt::format("{} files of weights (*.safetensors) where one belongs", weights),
                  "move the others away");
  if (manifest.file(models::FileRole::Licence) == nullptr)
    return refuse("the file LICENCE is missing", "a package goes with its licence");
  const models::PackageFile& vocabulary = *manifest.file(models::FileRole::Vocabulary);
  FM_ASSIGN(const std::string words, base::read_file(directory / vocabulary.path, models::kVocabularyBytesMax));
  if (const auto parsed = models::parse_vocabulary(words); !parsed.ok()) return parsed.error();
  const fs::path file = directory / manifest.file(models::FileRole::Weights)->path;
  FM_ASSIGN(const models::SafetensorsFile tensors, models::SafetensorsFile::read(file, kFileBytesMax));
  return models::check_finite(tensors);
}

}  // namespace

base::Status seal_package(const fs::path& directory) {
  FM_ASSIGN(std::string text, base::read_file(directory / "model.toml", models::kManifestBytesMax));
  text.resize(std::min(text.find("[[file]]"), text.size()));
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && name != "model.toml" && !name.starts_with('.')) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    FM_ASSIGN(const std::string bytes, base::read_file(directory / name, kFileBytesMax));
    text += fmt::format("[[file]]\nrole = \"{}\"\npath = \"{}\"\nsize_bytes = {}\nsha256 = \"{}\"\n\n", role_of(name),
                        name, bytes.size(), base::sha256(bytes).hex());
  }
  text.resize(text.size() - 1);
  FM_TRY(check_sealed(directory, text));
  FM_TRY(base::write_file_durably(directory / "model.toml", text));
  FM_ASSIGN(const models::Package package, models::open_package(directory));
  return models::verify(package);
}

}  // namespace framemill::train
