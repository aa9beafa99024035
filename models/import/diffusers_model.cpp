// The layout that diffusers writes: model_index.json names a pipeline and the class of each component, which has a
// directory with its configuration and weights.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "models/import/config_json.h"
#include "models/import/found_model.h"
#include "models/import/weight_files.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::array<std::string_view, 4> kPipelines = {"WanPipeline", "WanImageToVideoPipeline",
                                                        "WanVideoToVideoPipeline", "WanVACEPipeline"};

// What model_index.json says of a component: its class, empty where the pipeline does without it.
std::string class_of(const json::object& index, std::string_view component) {
  const json::value* entry = index.if_contains(json::string_view(component.data(), component.size()));
  if (entry == nullptr || !entry->is_array() || entry->get_array().size() != 2) return {};
  const json::value& name = entry->get_array()[1];
  return name.is_string() ? std::string(name.get_string()) : std::string();
}

struct Search {
  const fs::path& root;
  const json::object& index;
  FoundModel model;
  std::vector<std::string> problems;  // of all components, reported at once
};

base::Result<json::object> read_config(const Search& search, const std::string& folder, const char* file) {
  return read_json_file(search.root / folder / file);
}

template <class Config>
base::Status add_network(Search& search, ComponentRole role, std::string_view architecture, const std::string& folder,
                         base::Result<Config> (*read)(const json::object&, const std::string&)) {
  std::error_code ignored;
  if (!fs::is_directory(search.root / folder, ignored)) {
    search.problems.push_back("the directory " + folder + " is missing");
    return {};
  }
  if (!fs::exists(search.root / folder / "config.json", ignored)) {
    search.problems.push_back(folder + "/config.json is missing");
    return {};
  }
  FM_ASSIGN(const json::object object, read_config(search, folder, "config.json"));
  FM_ASSIGN(Config config, read(object, folder + "/config.json"));
  FM_ASSIGN(std::vector<FoundFile> files, find_weight_files(search.root, folder, search.problems));
  search.model.components.push_back({role, std::string(architecture), std::move(config), std::move(files)});
  return {};
}

base::Status add_denoisers(Search& search) {
  const std::string first = class_of(search.index, "transformer"), second = class_of(search.index, "transformer_2");
  for (const std::string& type : {first, second}) {
    if (!type.empty() && type != "WanTransformer3DModel" && type != "WanVACETransformer3DModel")
      return base::Error{"model.import", "the denoiser is a " + type + ", which Framemill does not run", "", ""};
  }
  ConfigReader in(search.index, "model_index.json");
  double boundary = 0;
  in.number("boundary_ratio", boundary);
  in.flag("expand_timesteps", search.model.is_first_frame_given);
  FM_TRY(in.status());
  if (first.empty()) {
    search.problems.push_back("model_index.json names no transformer");
    return {};
  }
  if (second.empty())
    return add_network(search, ComponentRole::Denoiser, kWanTransformer, "transformer", transformer_config);
  if (!(boundary > 0 && boundary < 1))
    return base::Error{"model.import", "model_index.json names two transformers and no boundary_ratio between them", "",
                       ""};
  search.model.boundary = boundary;
  FM_TRY(add_network(search, ComponentRole::DenoiserHighNoise, kWanTransformer, "transformer", transformer_config));
  return add_network(search, ComponentRole::Denoiser, kWanTransformer, "transformer_2", transformer_config);
}

base::Status add_tokenizer(Search& search) {
  std::error_code ignored;
  for (const char* name : {"spiece.model", "tokenizer.json"}) {
    if (fs::symlink_status(search.root / "tokenizer" / name, ignored).type() == fs::file_type::not_found) continue;
    FM_ASSIGN(FoundFile file, find_file(search.root / "tokenizer" / name, std::string("tokenizer/") + name));
    search.model.components.push_back({ComponentRole::Tokenizer, std::string(kUnigram), {}, {std::move(file)}});
    return {};
  }
  search.problems.push_back("tokenizer has neither spiece.model nor tokenizer.json");
  return {};
}

base::Status add_scheduler(Search& search) {
  std::error_code ignored;
  if (!fs::exists(search.root / "scheduler" / "scheduler_config.json", ignored)) {
    search.problems.push_back("scheduler/scheduler_config.json is missing");
    return {};
  }
  FM_ASSIGN(const json::object object, read_config(search, "scheduler", "scheduler_config.json"));
  FM_ASSIGN(search.model.scheduler, scheduler_config(object, "scheduler/scheduler_config.json"));
  return {};
}

}  // namespace

base::Result<FoundModel> find_diffusers_model(const fs::path& root) {
  FM_ASSIGN(const json::object index, read_json_file(root / "model_index.json"));
  std::string pipeline;
  ConfigReader in(index, "model_index.json");
  in.text("_class_name", pipeline);
  FM_TRY(in.status());
  if (std::find(kPipelines.begin(), kPipelines.end(), pipeline) == kPipelines.end())
    return base::Error{"model.import",
                       fmt::format("the directory holds a {}, which Framemill does not run",
                                   pipeline.empty() ? "model of no named kind" : pipeline),
                       "", fmt::format("it runs {}", fmt::join(kPipelines, ", "))};
  if (const std::string encoder = class_of(index, "image_encoder"); !encoder.empty())
    return base::Error{"model.import",
                       "the model is conditioned on a " + encoder + " besides text, which Framemill does not run", "",
                       "image to video models of Wan 2.2 do without an image encoder"};
  Search search{root, index, {}, {}};
  search.model.layout = "diffusers directory of a " + pipeline;
  search.model.name = package_name(root);
  search.model.directories = {root};
  FM_TRY(add_denoisers(search));
  FM_TRY(add_network(search, ComponentRole::Autoencoder, kWanAutoencoder, "vae", autoencoder_config));
  FM_TRY(add_network(search, ComponentRole::TextEncoder, kUmt5Encoder, "text_encoder", text_encoder_config));
  FM_TRY(add_tokenizer(search));
  FM_TRY(add_scheduler(search));
  FM_TRY(all_of(search.problems, "the model is not whole", "fetch what is missing into the same directory"));
  return std::move(search.model);
}

}  // namespace framemill::models
