#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "models/import/defaults.h"
#include "models/import/found_model.h"
#include "models/import/import.h"
#include "models/import/licence.h"
#include "models/package.h"
#include "models/text/tokenizer.h"
#include "models/weight_set.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;

// The files of a directory that is no diffusers layout, as if they had been given one by one.
std::vector<fs::path> files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code ec;
  for (auto it = fs::directory_iterator(directory, ec); !ec && it != fs::directory_iterator(); it.increment(ec)) {
    const fs::path& path = it->path();
    const bool is_weights = path.extension() == ".safetensors", is_tokenizer = path.filename() == "spiece.model";
    const bool is_config = path.filename() == "config.json" || path.filename() == "scheduler_config.json";
    if (is_weights || is_tokenizer || is_config || path.filename() == "tokenizer.json") files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

base::Result<FoundModel> find_model(const std::vector<fs::path>& sources) {
  std::error_code ec;
  const auto is_directory = [&ec](const fs::path& path) { return fs::is_directory(path, ec); };
  for (const fs::path& source : sources) {
    if (!fs::exists(source, ec))
      return base::Error{"file.open", "there is no " + source.string(), "", "give a directory or files of weights"};
  }
  if (sources.size() > 1) {
    const auto directory = std::find_if(sources.begin(), sources.end(), is_directory);
    if (directory == sources.end()) return find_single_files(sources);
    return base::Error{"model.import", directory->string() + " is a directory; give one directory, or files alone", "",
                       ""};
  }
  const fs::path& source = sources.front();
  if (!is_directory(source)) return find_single_files(sources);
  if (fs::exists(source / "model_index.json", ec)) return find_diffusers_model(source);
  if (fs::exists(source / "model.toml", ec))
    return base::Error{"model.import", source.string() + " is a package already", "",
                       "copy it below a directory of packages, or name that directory with --models"};
  const std::vector<fs::path> files = files_in(source);
  if (files.empty())
    return base::Error{"model.import", source.string() + " has neither a model_index.json nor safetensors files", "",
                       "give the directory that was downloaded, the one with model_index.json in it"};
  return find_single_files(files);
}

struct PackageId {
  std::string name, version;
};

base::Result<PackageId> package_id(const std::string& given, const std::string& suggested) {
  const std::string text = given.empty() ? suggested : given;
  const auto at = text.find('@');
  const PackageId id{text.substr(0, at), at == std::string::npos ? "1" : text.substr(at + 1)};
  const auto is_good = [](const std::string& part) {
    return !part.empty() && part.size() <= 64 && part.front() != '.' &&
           part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string::npos;
  };
  if (text.empty()) return base::Error{"model.name", "the package needs a name", "--name", "give --name NAME@VERSION"};
  if (!is_good(id.name) || !is_good(id.version))
    return base::Error{"model.name", fmt::format("\"{}\" is not a package's name and version", text), "--name",
                       "lower-case letters, digits, '-', '.' and '_': wan2.1-t2v-1.3b@1"};
  return id;
}

base::Status take_licence(const ImportRequest& request, const FoundModel& model, ImportPlan& plan) {
  const FoundLicence found = find_licence(model.directories);
  const std::string hint = "name it with --licence: an SPDX identifier, or LicenseRef-NAME for one that has none";
  if (!request.licence.empty()) {
    if (request.licence.size() > 64 || !is_licence_expression(request.licence))
      return base::Error{"model.licence", fmt::format("\"{}\" is not an SPDX licence expression", request.licence),
                         "--licence", "as in Apache-2.0 or LicenseRef-studio"};
    plan.manifest.licence = request.licence;
    plan.licence_source = "--licence";
    if (!found.id.empty() && found.id != request.licence)
      plan.notes.push_back(fmt::format("{} says {}", found.source, found.id));
  } else if (!found.id.empty()) {
    plan.manifest.licence = found.id;
    plan.licence_source = found.source;
  } else if (!found.stated.empty()) {
    return base::Error{"model.licence",
                       fmt::format("{} names the licence \"{}\", which is no identifier", found.source, found.stated),
                       "--licence", hint};
  } else if (found.text) {
    return base::Error{
        "model.licence",
        fmt::format("no licence is named; {} begins with \"{}\"", found.text->filename().string(), found.first_line),
        "--licence", hint};
  } else {
    return base::Error{"model.licence", "no licence is named, and no README.md names one", "--licence", hint};
  }
  if (!found.text) return {};
  FM_ASSIGN(const FoundFile file, find_file(*found.text, "LICENCE"));
  plan.files.push_back({file.source, {}, {FileRole::Licence, file.path, file.size_bytes, {}}});
  return {};
}

// Maps a network's files and holds their tensors against its configuration.
base::Status check_weights_of(const FoundComponent& found, Component& component, PlannedComponent& planned) {
  WeightSet weights(found.config);
  for (const FoundFile& file : found.files) {
    FM_ASSIGN(const SafetensorsFile mapped, SafetensorsFile::map(file.source));
    weights.add(mapped);
  }
  weights.complete();
  if (const auto faults = weights.faults(); !faults.empty())
    return base::Error{"model.weights",
                       fmt::format("the tensors of the {} do not match its configuration: {}", name(found.role),
                                   fmt::join(faults, "; ")),
                       "", "is the download complete, and are all files of one model?"};
  component.naming = weights.uses_original_names() ? TensorNaming::Original : TensorNaming::Diffusers;
  planned.tensors = weights.weights().size();
  for (const Dtype dtype : weights.dtypes())
    planned.stored += (planned.stored.empty() ? "" : ", ") + std::string(dtype_name(dtype));
  return {};
}

base::Status add_component(const FoundComponent& found, const ImportRequest& request, ImportPlan& plan) {
  Component component;
  component.role = found.role;
  component.architecture = found.architecture;
  component.config = found.config;
  PlannedComponent planned;
  planned.role = found.role;
  planned.files = found.files.size();
  if (has_tensor_list(found.config)) {
    FM_TRY(check_weights_of(found, component, planned));
    // As the models' cards run them: the autoencoder in full precision, the rest in bfloat16.
    component.compute =
        found.role == ComponentRole::Autoencoder ? ComputeDtype::F32 : request.compute.value_or(ComputeDtype::Bf16);
  }
  for (const FoundFile& file : found.files) {
    planned.size_bytes += file.size_bytes;
    component.files.push_back(file.path);
    plan.files.push_back({file.source, {}, {FileRole::Component, file.path, file.size_bytes, {}}});
  }
  plan.manifest.components.push_back(std::move(component));
  plan.components.push_back(std::move(planned));
  return {};
}

// Prompts are cut by it before any worker sees them: a tokeniser that does not open is found now.
base::Status check_tokenizer(std::string_view contents, const std::string& path) {
  const auto format = path.ends_with(".json") ? TokenizerFormat::TokenizerJson : TokenizerFormat::SentencePiece;
  const auto tokenizer = Tokenizer::parse(contents, format);
  return tokenizer.ok() ? base::Status() : base::Status(tokenizer.error().wrapped(path));
}

base::Status check_tokenizer_file(const FoundFile& file) {
  FM_ASSIGN(const std::string contents, base::read_file(file.source, kTokenizerBytesMax));
  return check_tokenizer(contents, file.path);
}

void add_carried_tokenizer(const std::string& contents, ImportPlan& plan) {
  const std::string path = "tokenizer/spiece.model";
  plan.files.push_back({{}, contents, {FileRole::Component, path, contents.size(), {}}});
  plan.manifest.components.push_back({ComponentRole::Tokenizer, std::string(kUnigram), {}, {}, {path}, {}});
  plan.components.push_back({ComponentRole::Tokenizer, 0, {}, contents.size(), 1});
  plan.notes.push_back("the tokenizer is the one in the text encoder's file");
}

// The text encoder's width, the autoencoder's channels and the like: what parse_manifest asks of every package.
base::Status check_together(const Manifest& manifest) {
  const auto parsed = parse_manifest(manifest_text(manifest));
  if (parsed.ok()) return {};
  return base::Error{"model.import", "the parts do not make a model together: " + parsed.error().message, "",
                     "are all files of one model?"};
}

}  // namespace

base::Result<ImportPlan> plan_import(const ImportRequest& request) {
  FM_ASSIGN(const FoundModel model, find_model(request.sources));
  ImportPlan plan;
  plan.layout = model.layout;
  for (const std::string& note : model.notes)  // of two experts the same is assumed
    if (std::find(plan.notes.begin(), plan.notes.end(), note) == plan.notes.end()) plan.notes.push_back(note);
  Manifest& manifest = plan.manifest;
  manifest.format = 2;
  FM_ASSIGN(const PackageId id, package_id(request.id, model.name));
  manifest.name = id.name;
  manifest.version = id.version;
  for (const FoundComponent& component : model.components) {
    if (component.role == ComponentRole::Tokenizer) FM_TRY(check_tokenizer_file(component.files.front()));
    FM_TRY(add_component(component, request, plan));
  }
  if (manifest.component(ComponentRole::Tokenizer) == nullptr) {
    FM_TRY(check_tokenizer(model.tokenizer, std::string(kTokenizerTensor)));
    add_carried_tokenizer(model.tokenizer, plan);
  }
  FM_TRY(take_licence(request, model, plan));
  take_published_defaults(model, manifest);
  manifest.title = title_of(manifest);
  manifest.provenance = {"Not known here: see what the publisher says of the model.",
                         "framemill model import, from a " + model.layout, 0, "not known"};
  std::set<std::string> paths;
  for (PlannedFile& file : plan.files) {
    if (!paths.insert(file.entry.path).second)
      return base::Error{"model.import", "two files would be " + file.entry.path + " of the package", "",
                         "rename one of them"};
    plan.size_bytes += file.entry.size_bytes;
    manifest.files.push_back(file.entry);
  }
  FM_TRY(check_together(manifest));
  return plan;
}

}  // namespace framemill::models
