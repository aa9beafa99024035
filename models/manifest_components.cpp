#include "models/manifest_components.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <type_traits>

#include "models/config_fields.h"
#include "models/manifest_keys.h"

namespace framemill::models {
namespace {

using config::SettingsTable;

constexpr std::size_t kComponentsMax = 16;
constexpr int kFieldMax = 1 << 24;  // of any number of a configuration; check() of each knows its range

struct Fit {
  std::string_view architecture;
  ComponentRole role;
};
constexpr Fit kFits[] = {
    {kWanTransformer, ComponentRole::Denoiser},    {kWanTransformer, ComponentRole::DenoiserHighNoise},
    {kDemoClips, ComponentRole::Denoiser},         {kUmt5Encoder, ComponentRole::TextEncoder},
    {kWanAutoencoder, ComponentRole::Autoencoder}, {kUnigram, ComponentRole::Tokenizer},
    {kVocabularyWords, ComponentRole::Vocabulary},
};

// A key of [component.config], by the type of its field.
struct ReadField {
  SettingsTable& in;
  void operator()(std::string_view key, int& out) const { take_integer(in, key, 0, kFieldMax, out); }
  void operator()(std::string_view key, bool& out) const { in.flag(key, out); }
  void operator()(std::string_view key, double& out) const {
    if (const auto value = in.number(key, 0.0, 1.0)) out = *value;
  }
  void operator()(std::string_view key, std::vector<int>& out) const {
    if (in.has(key)) in.numbers(key, out, kFieldMax);
  }
  void operator()(std::string_view key, std::vector<bool>& out) const { in.flags(key, out); }
  void operator()(std::string_view key, std::vector<double>& out) const { in.decimals(key, out); }
};

// The range check that its type has; of the demo network later, when its vocabulary is known.
base::Status check_config(const ComponentConfig& config) {
  return std::visit(
      [](const auto& c) -> base::Status {
        using Config = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<Config, std::monostate> || std::is_same_v<Config, NetworkShape>)
          return {};
        else
          return check(c);
      },
      config);
}

void read_config(SettingsTable& in, Component& component) {
  if (is_weights(component))
    in.table("config", [&](SettingsTable& table) {
      std::visit([&](auto& config) { visit_fields(config, ReadField{table}); }, component.config);
    });
  if (const auto status = check_config(component.config); !status.ok())
    in.fail("config", "bad_network", status.error().message, "see docs/model-package.md");
}

void check_component_files(const SettingsTable& in, const Component& component, const Manifest& m) {
  const bool one_file = !is_weights(component);
  if (in.has("files") && (component.files.empty() || (one_file && component.files.size() > 1)))
    in.fail("files", "out_of_range", fmt::format("{} files", component.files.size()),
            one_file ? "one file" : "the files");
  for (std::size_t i = 0; i < component.files.size(); ++i) {
    const PackageFile* file = m.file(std::string_view(component.files[i]));
    if (file == nullptr)
      in.fail(fmt::format("files[{}]", i), "missing_file",
              fmt::format("no [[file]] has the path \"{}\"", component.files[i]));
    else if (file->role != FileRole::Component)
      in.fail(fmt::format("files[{}]", i), "bad_role",
              fmt::format("the [[file]] of \"{}\" has another role", component.files[i]), "role = \"component\"");
  }
}

void read_component(SettingsTable& in, Manifest& m) {
  Component component;
  component.role = static_cast<ComponentRole>(needed_choice(in, "role", kComponentRoles));
  const std::size_t architecture = needed_choice(in, "architecture", kArchitectures);
  component.architecture = kArchitectures[architecture];
  component.config = default_config(component.architecture);
  if (is_weights(component)) {
    component.naming = static_cast<TensorNaming>(needed_choice(in, "naming", kTensorNamings));
    component.compute = static_cast<ComputeDtype>(needed_choice(in, "compute", kComputeDtypes));
  }
  in.require("files", "an array of the paths of its files");
  in.texts("files", component.files);
  check_component_files(in, component, m);
  read_config(in, component);
  const auto fits = [&](const Fit& fit) {
    return fit.architecture == component.architecture && fit.role == component.role;
  };
  if (in.has("role") && in.has("architecture") && std::none_of(std::begin(kFits), std::end(kFits), fits))
    in.fail("architecture", "bad_architecture",
            fmt::format("\"{}\" cannot be a {}", component.architecture, name(component.role)));
  if (m.component(component.role) != nullptr)
    in.fail("role", "duplicate_role", fmt::format("a second component has the role \"{}\"", name(component.role)));
  else
    m.components.push_back(std::move(component));
}

template <class Config>
const Config* config_of(const Manifest& m, ComponentRole role) {
  const Component* component = m.component(role);
  return component == nullptr ? nullptr : std::get_if<Config>(&component->config);
}

void need(const SettingsTable& root, const Manifest& m, ComponentRole role, std::string_view why) {
  if (m.component(role) == nullptr)
    root.fail("component", "missing_component",
              fmt::format("no component has the role \"{}\", which {} needs", name(role), why));
}

// What one component writes, the next must be able to read.
void check_wan(const SettingsTable& root, const Manifest& m, const WanTransformerConfig& transformer) {
  need(root, m, ComponentRole::Autoencoder, kWanTransformer);
  const auto mismatch = [&](std::string message) { root.fail("component", "mismatch", std::move(message)); };
  if (const auto* encoder = config_of<Umt5Config>(m, ComponentRole::TextEncoder);
      encoder != nullptr && encoder->d_model != transformer.text_dim)
    mismatch(fmt::format("the text encoder's d_model is {}, the denoiser's text_dim {}", encoder->d_model,
                         transformer.text_dim));
  const auto* autoencoder = config_of<WanAutoencoderConfig>(m, ComponentRole::Autoencoder);
  if (autoencoder == nullptr) return;
  if (autoencoder->z_dim != transformer.out_channels)
    mismatch(fmt::format("the autoencoder's z_dim is {}, the denoiser's out_channels {}", autoencoder->z_dim,
                         transformer.out_channels));
  if (autoencoder->time_ratio != m.time_ratio.mul)
    mismatch(fmt::format("the autoencoder's time_ratio is {}, window.time_ratio_mul {}", autoencoder->time_ratio,
                         m.time_ratio.mul));
  for (const int patch : {transformer.patch_width, transformer.patch_height})
    if (const int grain = autoencoder->space_ratio * patch; m.limits.size_multiple % grain != 0)
      return mismatch(
          fmt::format("window.size_multiple is {}; the autoencoder's space_ratio times the denoiser's patch "
                      "is {}, and it is a multiple of that",
                      m.limits.size_multiple, grain));
}

void check_together(const SettingsTable& root, const Manifest& m) {
  need(root, m, ComponentRole::Denoiser, "every package");
  if (m.conditioning.kind == jobs::ConditioningKind::Text) {
    need(root, m, ComponentRole::TextEncoder, "conditioning.kind = \"text\"");
    need(root, m, ComponentRole::Tokenizer, "conditioning.kind = \"text\"");
  } else {
    need(root, m, ComponentRole::Vocabulary, "conditioning.kind = \"vocabulary\"");
  }
  if (m.boundary) need(root, m, ComponentRole::DenoiserHighNoise, "sampler.boundary");
  if (!m.boundary && m.component(ComponentRole::DenoiserHighNoise) != nullptr)
    root.fail("component", "missing_key", "sampler.boundary is missing: two denoisers share the noise levels there");
  for (const ComponentRole role : {ComponentRole::Denoiser, ComponentRole::DenoiserHighNoise})
    if (const auto* transformer = config_of<WanTransformerConfig>(m, role)) check_wan(root, m, *transformer);
  const bool is_demo = config_of<NetworkShape>(m, ComponentRole::Denoiser) != nullptr;
  const Component* denoiser = m.component(ComponentRole::Denoiser);
  if (denoiser != nullptr && is_demo != (m.conditioning.kind == jobs::ConditioningKind::Vocabulary))
    root.fail("component", "mismatch",
              fmt::format("the architecture \"{}\" is not conditioned on {}", denoiser->architecture,
                          is_demo ? "text" : "a vocabulary"));
  if (is_demo &&
      (m.limits.frames_max != m.window_frames || m.limits.width_max != m.width || m.limits.height_max != m.height))
    root.fail("window", "out_of_range",
              "the network of demo-clips@1 makes windows of one size and length: leave out frames_max, width_max and "
              "height_max");
  std::set<std::string_view> used;
  for (const Component& component : m.components) used.insert(component.files.begin(), component.files.end());
  for (const PackageFile& file : m.files)
    if (file.role == FileRole::Component && !used.contains(file.path))
      root.fail("file", "unused_file", fmt::format("no component names the file \"{}\"", file.path));
}

}  // namespace

void read_components(SettingsTable& root, Manifest& m) {
  root.require("component", "a [[component]] for each part of the model");
  root.tables("component", kComponentsMax, [&](SettingsTable& in) { read_component(in, m); });
  if (!root.has("component")) return;  // reported
  check_together(root, m);
  // The demo network's window is fixed: it has no limits of its own.
  Component* denoiser = m.component(ComponentRole::Denoiser);
  if (denoiser == nullptr) return;
  if (auto* network = std::get_if<NetworkShape>(&denoiser->config)) {
    network->image_width = m.width;
    network->image_height = m.height;
    network->window_frames = static_cast<int>(m.time_ratio.latents(m.window_frames));
    m.limits = {};
  }
}

}  // namespace framemill::models
