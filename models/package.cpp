#include "models/package.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>

#include "base/file.h"
#include "base/os_error.h"
#include "models/memory_prediction.h"
#include "models/safetensors.h"
#include "models/text_prompt.h"
#include "models/weight_set.h"
#include "models/weights.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPackagesPerRootMax = 4096;

base::Error bad(std::string reason) {
  return {"model.package", std::move(reason), "", ""};
}

// A declared file is a plain file of the declared size; no part of its path inside the package is a link. Weights of a
// component may be one to a plain file: `framemill model import --link` leaves them where they are, and their digest
// says what they hold.
base::Status check_file(const fs::path& directory, const PackageFile& file) {
  fs::path path = directory;
  std::error_code ec;
  const fs::path inside(file.path);
  for (auto part = inside.begin(); part != inside.end(); ++part) {
    path /= *part;
    const bool may_be_link = file.role == FileRole::Component && std::next(part) == inside.end();
    if (!may_be_link && fs::is_symlink(fs::symlink_status(path, ec))) return bad(file.path + " is a link");
  }
  if (!fs::is_regular_file(path, ec)) {
    if (base::is_storage_code(base::storage_code(ec.value())))
      return base::os_error(ec.value(), "model.package", file.path);
    return bad(file.path + " is missing");
  }
  const auto size = fs::file_size(path, ec);
  if (ec || size != file.size_bytes)
    return bad(fmt::format("{} has {} bytes; the manifest says {}", file.path, size, file.size_bytes));
  return {};
}

// The condition's slots are the vocabulary's.
void take_slots(const Vocabulary& vocabulary, NetworkShape& shape) {
  shape.scene_values.clear();
  shape.object_values.clear();
  shape.objects = vocabulary.objects_max;
  for (const VocabularySlot& slot : vocabulary.slots)
    (slot.scope == SlotScope::Scene ? shape.scene_values : shape.object_values)
        .push_back(static_cast<int>(slot.values.size()));
}

base::Result<base::Sha256> hash_file(const fs::path& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::os_error(errno, "file.open", "open " + path.string());
  base::Sha256Sum sum;
  std::vector<char> buffer(1 << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    sum.add(buffer.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return base::os_error(errno, "file.read", "read " + path.string());
  return sum.finish();
}

base::Status check_digest(const Package& package, const PackageFile& file) {
  FM_ASSIGN(const base::Sha256 digest, hash_file(package.directory / file.path));
  if (digest == file.sha256) return {};
  return base::Error{"model.digest_mismatch",
                     package.manifest.id() + ": " + file.path + " is not the file the manifest names", "",
                     "fetch the package again"};
}

// Reads the words, and gives the demo network the condition's slots.
base::Status open_vocabulary(Package& package) {
  Component* words = package.manifest.component(ComponentRole::Vocabulary);
  if (words == nullptr) return {};
  const PackageFile& file = *package.manifest.file(std::string_view(words->files.front()));
  FM_ASSIGN(const std::string text, base::read_file(package.directory / file.path, kVocabularyBytesMax));
  // Small, and what prompts mean hangs on it: its digest is checked at once.
  if (base::sha256(text) != file.sha256)
    return base::Error{"model.digest_mismatch", file.path + " is not the file the manifest names", "", ""};
  FM_ASSIGN(package.vocabulary, parse_vocabulary(text));
  auto* network = std::get_if<NetworkShape>(&package.manifest.component(ComponentRole::Denoiser)->config);
  if (network == nullptr) return {};
  take_slots(package.vocabulary, *network);
  return check(*network);
}

// The weights of a component are its network's.
base::Status check_component(const Package& package, const Component& component) {
  if (const auto* network = std::get_if<NetworkShape>(&component.config)) {
    const std::string& path = component.files.front();
    const PackageFile& declared = *package.manifest.file(std::string_view(path));
    FM_ASSIGN(const SafetensorsFile file, SafetensorsFile::read(package.directory / path, declared.size_bytes));
    if (auto status = check_weights(*network, file); !status.ok()) return status.error().wrapped(path);
  }
  if (!has_tensor_list(component.config)) return {};
  WeightSet weights(component.config);
  for (const std::string& path : component.files) {
    FM_ASSIGN(const SafetensorsFile file, SafetensorsFile::map(package.directory / path));
    weights.add(file);
  }
  weights.complete();
  const std::vector<std::string> faults = weights.faults();
  if (faults.empty()) return {};
  return base::Error{"model.weights",
                     fmt::format("the tensors of the {} do not match its [component.config]: {}", name(component.role),
                                 fmt::join(faults, "; ")),
                     "", "fetch or import the package again"};
}

}  // namespace

base::Result<Package> open_package(const fs::path& given, Completeness completeness) {
  // "demo-clips@1/" and "." have a name too; links keep theirs.
  std::error_code ignored;
  fs::path directory = fs::absolute(given, ignored).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  const auto wrapped = [&directory](const base::Error& error) {
    return error.wrapped("package " + directory.filename().string());
  };
  Package package;
  package.directory = directory;
  auto text = base::read_file(directory / "model.toml", kManifestBytesMax);
  if (!text.ok()) return wrapped(text.error());
  auto manifest = parse_manifest(*text);
  if (!manifest.ok()) return wrapped(manifest.error());
  package.manifest = std::move(manifest).value();
  if (directory.filename() != package.manifest.id())
    return wrapped(bad("the directory is not named " + package.manifest.id()));
  for (const PackageFile& file : package.manifest.files) {
    if (file.role == FileRole::Weights && completeness == Completeness::WithoutWeights) continue;
    if (auto status = check_file(directory, file); !status.ok()) return wrapped(status.error());
  }
  if (auto status = open_vocabulary(package); !status.ok()) return wrapped(status.error());
  package.root_digest = root_digest(package.manifest, *text);
  return package;
}

base::Status verify(const Package& package) {
  for (const PackageFile& file : package.manifest.files) FM_TRY(check_digest(package, file));
  return {};
}

std::vector<base::Error> faults(const Package& package) {
  std::vector<base::Error> out;
  for (const PackageFile& file : package.manifest.files)
    if (auto status = check_digest(package, file); !status.ok()) out.push_back(status.error());
  for (const Component& component : package.manifest.components)
    if (auto status = check_component(package, component); !status.ok()) out.push_back(status.error());
  if (package.manifest.conditioning.kind == jobs::ConditioningKind::Text)
    if (auto tokenizer = open_tokenizer(package.directory, package.manifest); !tokenizer.ok())
      out.push_back(tokenizer.error());
  return out;
}

jobs::PackageFacts facts(const Package& package) {
  const Manifest& m = package.manifest;
  jobs::PackageFacts out;
  out.name = m.name;
  out.version = m.version;
  out.root_digest = package.root_digest;
  out.window_frames = m.window_frames;
  out.context_frames = m.context_frames;
  out.time_ratio = m.time_ratio;
  out.carry = m.carry;
  out.width = m.width;
  out.height = m.height;
  out.limits = m.limits;
  out.fps = m.fps;
  out.conditioning = m.conditioning.kind;
  out.max_tokens = m.conditioning.max_tokens;
  out.default_steps = m.default_steps;
  out.steps_max = m.steps_max;
  out.default_guidance = m.default_guidance;
  out.guidance_max = m.guidance_max;
  out.colour_space = m.colour_space;
  out.cpu_memory = m.cpu_memory ? *m.cpu_memory : predicted_memory(m, MemoryOf::Cpu);
  out.cuda_memory = m.cuda_memory ? *m.cuda_memory : predicted_memory(m, MemoryOf::Cuda);
  out.batch_max = m.batch_max;
  out.batch_max_cpu = m.batch_max_cpu;
  return out;
}

bool is_licence_expression(std::string_view text) {
  // Identifiers joined by AND, OR and WITH; parentheses are only counted.
  int open = 0;
  bool wants_identifier = true;
  std::string word;
  const auto take_word = [&]() {
    if (word.empty()) return true;
    const bool joins = word == "AND" || word == "OR" || word == "WITH";
    const bool fits = joins != wants_identifier;
    wants_identifier = joins;
    word.clear();
    return fits;
  };
  for (const char c : text) {
    const bool is_part = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                         c == '.' || c == '+' || c == ':';
    if (is_part) {
      word += c;
      continue;
    }
    if (!take_word() || (c != ' ' && c != '(' && c != ')')) return false;
    if (c == '(' && !wants_identifier) return false;
    if (c == ')' && wants_identifier) return false;
    open += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (open < 0) return false;
  }
  return take_word() && !wants_identifier && open == 0;
}

std::vector<std::string> lint(const Package& package) {
  std::vector<std::string> findings;
  for (const base::Error& fault : faults(package)) findings.push_back(fault.message);
  if (!package.manifest.file(FileRole::Licence)) findings.push_back("no licence text is among the files");
  if (!is_licence_expression(package.manifest.licence))
    findings.push_back(
        fmt::format("licence = \"{}\" is not an SPDX licence expression, such as \"CC-BY-4.0\" or "
                    "\"LicenseRef-studio\"",
                    package.manifest.licence));
  std::set<std::string> declared{"model.toml"};
  for (const PackageFile& file : package.manifest.files) declared.insert(file.path);
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(package.directory, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    const std::string path = fs::relative(it->path(), package.directory, ec).string();
    if (!it->is_directory(ec) && !declared.contains(path)) findings.push_back(path + " is not named in the manifest");
  }
  return findings;
}

PackageShelf PackageShelf::open(const std::vector<fs::path>& roots) {
  PackageShelf shelf;
  for (const fs::path& root : roots) {
    std::vector<fs::path> directories;
    std::error_code ec;
    for (auto it = fs::directory_iterator(root, ec); !ec && it != fs::directory_iterator(); it.increment(ec)) {
      const std::string name = it->path().filename().string();
      if (name.find('@') != std::string::npos && fs::exists(it->path() / "model.toml", ec))
        directories.push_back(it->path());
      if (directories.size() == kPackagesPerRootMax) break;
    }
    if (ec) shelf.problems_.push_back({"file.open", "read " + root.string() + ": " + ec.message(), "", ""});
    std::sort(directories.begin(), directories.end());
    for (const fs::path& directory : directories) {
      auto package = open_package(directory);
      if (!package.ok()) {
        shelf.problems_.push_back(package.error());
        continue;
      }
      const std::string id = package->manifest.id();
      jobs::PackageFacts known = facts(*package);
      // The first root wins.
      const auto [entry, added] =
          shelf.entries_.try_emplace(id, Entry{std::move(package).value(), std::move(known), {}});
      if (added && entry->second.package.manifest.conditioning.kind == jobs::ConditioningKind::Text)
        entry->second.prompts =
            std::make_shared<PromptChecker>(entry->second.package.directory, entry->second.package.manifest);
    }
  }
  return shelf;
}

const jobs::PackageFacts* PackageShelf::find(std::string_view id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.facts;
}

const Package* PackageShelf::package(std::string_view id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.package;
}

std::vector<std::string> PackageShelf::ids() const {
  std::vector<std::string> out;
  for (const auto& [id, entry] : entries_) out.push_back(id);
  return out;
}

base::Status PackageShelf::check_prompt(std::string_view id, std::string_view prompt) const {
  const Package* known = package(id);
  if (!known) return base::Error{"model.unknown", "no package " + std::string(id), "model", ""};
  if (const auto& prompts = entries_.find(id)->second.prompts) return prompts->check(prompt);
  auto condition = parse_prompt(known->vocabulary, prompt);
  if (!condition.ok()) return condition.error();
  return {};
}

}  // namespace framemill::models
