#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/ascii.h"
#include "models/import/config_json.h"
#include "models/import/found_model.h"
#include "models/import/network_shapes.h"
#include "models/import/weight_files.h"
#include "models/safetensors.h"
#include "models/wan/names.h"

namespace framemill::models {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// Where two experts meet when nothing states it: the published values of the 2.2 models, by what the denoiser is given.
constexpr double kTextBoundary = 0.875, kImageBoundary = 0.9;
// What diffusers' conversions of the published models are set to: 5 for the 2.2 model of 5B, 3 for the others.
constexpr double kShift = 3.0, kShiftOfFirstFrameModel = 5.0;

// Configuration files among those that were given.
struct Configurations {
  std::map<NetworkKind, json::object> networks;
  std::optional<json::object> scheduler;
  std::optional<int> heads;  // of the authors' own config.json
};

// The parts of one network, before it is known which.
struct WeightGroup {
  std::vector<fs::path> files;
  ShapesInFile shapes;
  std::string tokenizer;  // that lies among the weights
};

std::string class_name(const json::object& object) {
  const json::value* name = object.if_contains("_class_name");
  return name != nullptr && name->is_string() ? std::string(name->get_string()) : std::string();
}

base::Status take_configuration(const fs::path& path, json::object object, Configurations& out) {
  const std::string type = class_name(object);
  if (type == "WanTransformer3DModel" || type == "WanVACETransformer3DModel") {
    out.networks[NetworkKind::Transformer] = std::move(object);
  } else if (type == "AutoencoderKLWan") {
    out.networks[NetworkKind::Autoencoder] = std::move(object);
  } else if (type.ends_with("Scheduler")) {
    out.scheduler = std::move(object);
  } else if (object.contains("num_heads") && object.contains("ffn_dim")) {
    int heads = 0;
    ConfigReader in(object, path.filename().string());
    in.integer("num_heads", heads);
    FM_TRY(in.status());
    out.heads = heads;
  } else if (object.contains("d_kv")) {
    out.networks[NetworkKind::TextEncoder] = std::move(object);
  } else {
    return base::Error{"model.import", path.string() + " is not a configuration that Framemill knows", "",
                       "leave it out"};
  }
  return {};
}

base::Status read_group(WeightGroup& group) {
  for (const fs::path& path : group.files) {
    FM_ASSIGN(const FoundFile found, find_file(path, ""));
    FM_ASSIGN(const SafetensorsFile file, SafetensorsFile::map(found.source));
    for (const auto& [name, view] : file.tensors()) {
      const std::string_view bare = without_network_prefix(name);
      group.shapes.emplace(bare, view.shape);
      if (bare == kTokenizerTensor && view.dtype == Dtype::U8) group.tokenizer = std::string(view.bytes);
    }
  }
  return {};
}

// "high" or "low" in the name of a file or of its directory tells two experts apart.
ComponentRole expert_of(const fs::path& path) {
  const std::string name = base::ascii_lower(path.parent_path().filename().string() + "/" + path.filename().string());
  const bool high = name.find("high") != std::string::npos, low = name.find("low") != std::string::npos;
  return high && !low ? ComponentRole::DenoiserHighNoise : ComponentRole::Denoiser;
}

base::Status check_network(NetworkKind kind, const WeightGroup& group, const Configurations& configurations,
                           FoundModel& model, FoundComponent& component) {
  const auto stated = configurations.networks.find(kind);
  const bool is_stated = stated != configurations.networks.end();
  switch (kind) {
    case NetworkKind::Transformer: {
      component.architecture = kWanTransformer;
      FM_ASSIGN(component.config, is_stated ? transformer_config(stated->second, "config.json")
                                            : transformer_from_shapes(group.shapes, configurations.heads, model.notes));
      return {};
    }
    case NetworkKind::Autoencoder: {
      component = {ComponentRole::Autoencoder, std::string(kWanAutoencoder), {}, {}};
      FM_ASSIGN(component.config,
                is_stated ? autoencoder_config(stated->second, "config.json") : autoencoder_from_shapes(group.shapes));
      return {};
    }
    case NetworkKind::TextEncoder: {
      component = {ComponentRole::TextEncoder, std::string(kUmt5Encoder), {}, {}};
      FM_ASSIGN(component.config, is_stated ? text_encoder_config(stated->second, "config.json")
                                            : text_encoder_from_shapes(group.shapes));
      model.tokenizer = group.tokenizer;
      return {};
    }
  }
  return {};
}

base::Status add_group(WeightGroup& group, const Configurations& configurations, FoundModel& model) {
  const fs::path& first = group.files.front();
  FM_TRY(read_group(group));
  if (is_adapter(group.shapes))
    return base::Error{"model.import", first.string() + " is an adapter (LoRA), not a model", "", ""};
  const auto kind = network_of(group.shapes);
  if (!kind)
    return base::Error{"model.import",
                       fmt::format("{} is not a network that Framemill knows; its tensors are named as {}",
                                   first.string(), group.shapes.empty() ? "nothing" : group.shapes.begin()->first),
                       "", "it knows the denoisers, autoencoders and text encoders of the Wan family"};
  FoundComponent component;
  component.role = expert_of(first);
  FM_TRY(check_network(*kind, group, configurations, model, component));
  for (const fs::path& path : group.files) {
    FM_ASSIGN(FoundFile file, find_file(path, package_path(name(component.role), path.filename().string())));
    component.files.push_back(std::move(file));
  }
  for (const FoundComponent& other : model.components) {
    if (other.role != component.role) continue;
    const bool denoisers = *kind == NetworkKind::Transformer;
    return base::Error{"model.import",
                       fmt::format("two files hold a {}: {} and {}", name(component.role),
                                   other.files.front().source.string(), first.string()),
                       "",
                       denoisers ? "of two experts, one has \"high\" in its name and the other \"low\"" : "give one"};
  }
  if (component.role == ComponentRole::Denoiser) {
    const auto part = part_name(first.filename().string());
    model.name = package_name(part ? first.parent_path() / part->stem : first);
  }
  model.components.push_back(std::move(component));
  return {};
}

bool has_role(const FoundModel& model, ComponentRole role) {
  return std::any_of(model.components.begin(), model.components.end(),
                     [role](const FoundComponent& component) { return component.role == role; });
}

// What the denoiser's shape tells of how the model is sampled.
base::Status take_sampling(const Configurations& configurations, FoundModel& model) {
  for (const FoundComponent& component : model.components) {
    const auto* denoiser = std::get_if<WanTransformerConfig>(&component.config);
    if (denoiser == nullptr) continue;
    const bool takes_image = denoiser->in_channels > denoiser->out_channels;
    model.is_first_frame_given = denoiser->in_channels == 48 && denoiser->out_channels == 48;
    if (has_role(model, ComponentRole::DenoiserHighNoise))
      model.boundary = takes_image ? kImageBoundary : kTextBoundary;
    if (denoiser->image_dim > 0)
      return base::Error{"model.import",
                         "the denoiser is conditioned on image embeddings, which Framemill does not make", "",
                         "image to video models of Wan 2.2 do without them"};
  }
  if (configurations.scheduler) {
    FM_ASSIGN(model.scheduler, scheduler_config(*configurations.scheduler, "scheduler_config.json"));
    return {};
  }
  model.scheduler = {SamplerKind::FlowUnipc, model.is_first_frame_given ? kShiftOfFirstFrameModel : kShift};
  model.notes.push_back(
      fmt::format("the sampler is UniPC with shift {}, as published for such a model", model.scheduler.shift));
  return {};
}

std::vector<std::string> missing_roles(const FoundModel& model) {
  std::vector<std::string> problems;
  const auto need = [&](ComponentRole role, std::string_view what) {
    if (!has_role(model, role)) problems.emplace_back(what);
  };
  need(ComponentRole::Denoiser, has_role(model, ComponentRole::DenoiserHighNoise)
                                    ? "no denoiser for low noise levels (\"low\" in its name)"
                                    : "no denoiser");
  need(ComponentRole::Autoencoder, "no autoencoder (VAE)");
  need(ComponentRole::TextEncoder, "no text encoder (umT5)");
  if (model.tokenizer.empty()) need(ComponentRole::Tokenizer, "no tokenizer (spiece.model or tokenizer.json)");
  return problems;
}

// The files sorted into configurations, groups of weights and the tokenizer.
base::Status sort_files(const std::vector<fs::path>& files, Configurations& configurations,
                        std::map<std::string, WeightGroup>& groups, FoundModel& model) {
  for (const fs::path& path : files) {
    const std::string file_name = path.filename().string();
    if (file_name == "spiece.model" || file_name == "tokenizer.json") {
      FM_ASSIGN(FoundFile file, find_file(path, "tokenizer/" + file_name));
      if (!has_role(model, ComponentRole::Tokenizer))
        model.components.push_back({ComponentRole::Tokenizer, std::string(kUnigram), {}, {std::move(file)}});
    } else if (file_name.ends_with(".safetensors.index.json") || file_name.ends_with("tokenizer_config.json") ||
               file_name == "special_tokens_map.json") {
      continue;  // parts have numbers; special tokens are in the tokenizer itself
    } else if (file_name.ends_with(".json")) {
      FM_ASSIGN(json::object object, read_json_file(path));
      FM_TRY(take_configuration(path, std::move(object), configurations));
    } else {
      FM_TRY([&]() -> base::Status {
        const auto found = find_file(path, "");
        return found.ok() ? base::Status() : base::Status(found.error());
      }());
      const auto part = part_name(file_name);
      const std::string stem = part ? fmt::format("{} {}", part->stem, part->count) : file_name;
      groups[(path.parent_path() / stem).string()].files.push_back(path);
    }
  }
  return {};
}

}  // namespace

base::Result<FoundModel> find_single_files(const std::vector<fs::path>& files) {
  FoundModel model;
  model.layout = fmt::format("{} single files", files.size());
  Configurations configurations;
  std::map<std::string, WeightGroup> groups;
  FM_TRY(sort_files(files, configurations, groups, model));
  std::vector<std::string> names;
  for (const auto& [key, group] : groups)
    for (const fs::path& path : group.files) names.push_back(path.filename().string());
  FM_TRY(all_of(missing_parts(names), "the model is not whole", "give all parts"));
  for (auto& [key, group] : groups) FM_TRY(add_group(group, configurations, model));
  FM_TRY(all_of(missing_roles(model), "the files are not a whole model", "give these files as well"));
  FM_TRY(take_sampling(configurations, model));
  std::set<fs::path> directories;
  for (const fs::path& path : files) directories.insert(path.parent_path());
  model.directories.assign(directories.begin(), directories.end());
  return model;
}

}  // namespace framemill::models
