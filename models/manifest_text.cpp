// model.toml written from a manifest of format 2.
#include <fmt/format.h>

#include <algorithm>

#include "models/config_fields.h"
#include "models/manifest_words.h"

namespace framemill::models {
namespace {

// A basic string of TOML.
std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out + "\"";
}

std::string value_text(int value) {
  return fmt::format("{}", value);
}
std::string value_text(bool value) {
  return value ? "true" : "false";
}
std::string value_text(
    double value) {  // the shortest that reads back equal; a float of TOML has a point or an exponent
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

template <class List>
std::string list_text(const List& values) {
  std::string out = "[";
  for (const auto value : values) out += (out.size() > 1 ? ", " : "") + value_text(value);
  return out + "]";
}

// The keys of [component.config]. Empty lists are what a configuration has without the key.
struct WriteField {
  std::string& out;
  template <class Value>
  void operator()(std::string_view key, const Value& value) const {
    out += fmt::format("{} = {}\n", key, value_text(value));
  }
  template <class Value>
  void operator()(std::string_view key, const std::vector<Value>& values) const {
    if (!values.empty()) out += fmt::format("{} = {}\n", key, list_text(values));
  }
};

template <class Word>
std::string_view word_of(const Word& words, auto value) {
  return words[static_cast<std::size_t>(value)];
}

void write_window(std::string& out, const Manifest& m) {
  out += fmt::format("\n[window]\nframes = {}\ncontext_frames = {}\nfps = {}\nwidth = {}\nheight = {}\n",
                     m.window_frames, m.context_frames, m.fps, m.width, m.height);
  if (m.limits != jobs::WindowLimits{})  // a network with one size has none
    out += fmt::format("frames_max = {}\nsize_multiple = {}\nwidth_max = {}\nheight_max = {}\npixels_max = {}\n",
                       m.limits.frames_max, m.limits.size_multiple, m.limits.width_max, m.limits.height_max,
                       m.limits.pixels_max);
  out += fmt::format(
      "time_ratio_mul = {}\ntime_ratio_add = {}\ncarry = \"{}\"\ncarry_dtype = \"{}\"\ncolour_space = \"{}\"\n",
      m.time_ratio.mul, m.time_ratio.add, word_of(kCarries, m.carry), word_of(kCarryDtypes, m.carry_dtype),
      m.colour_space);
}

void write_sampler(std::string& out, const Manifest& m) {
  out +=
      fmt::format("\n[sampler]\nkind = \"{}\"\nprediction = \"{}\"\ndefault_steps = {}\nsteps_max = {}\n",
                  word_of(kSamplerKinds, m.sampler), word_of(kPredictions, m.prediction), m.default_steps, m.steps_max);
  const auto number = [&](std::string_view key, double value) {
    out += fmt::format("{} = {}\n", key, value_text(value));
  };
  number("default_guidance", m.default_guidance);
  number("guidance_max", m.guidance_max);
  if (m.guidance_min_level != 0) number("guidance_min_level", m.guidance_min_level);
  if (m.guidance_rescale != 0) number("guidance_rescale", m.guidance_rescale);
  number("noise_shift", m.noise_shift);
  if (m.boundary) number("boundary", *m.boundary);
  if (m.guidance_low) number("guidance_low", *m.guidance_low);
  out += fmt::format("batch_max = {}\nbatch_max_cpu = {}\n", m.batch_max, m.batch_max_cpu);
}

void write_conditioning(std::string& out, const Conditioning& c) {
  out += fmt::format("\n[conditioning]\nkind = \"{}\"\n", word_of(kConditionings, c.kind));
  if (c.kind == jobs::ConditioningKind::Text) out += fmt::format("max_tokens = {}\n", c.max_tokens);
  out += fmt::format("negative_prompt = {}\n", toml_string(c.negative_prompt));
}

void write_component(std::string& out, const Component& component) {
  out += fmt::format("\n[[component]]\nrole = \"{}\"\narchitecture = \"{}\"\n", name(component.role),
                     component.architecture);
  if (is_weights(component))
    out += fmt::format("naming = \"{}\"\ncompute = \"{}\"\n", word_of(kTensorNamings, component.naming),
                       word_of(kComputeDtypes, component.compute));
  out += "files = [";
  for (const std::string& file : component.files)
    out += fmt::format("{}{}", component.files.size() > 1 ? "\n  " : "", toml_string(file)) +
           (component.files.size() > 1 ? "," : "");
  out += component.files.size() > 1 ? "\n]\n" : "]\n";
  if (!is_weights(component)) return;
  out += "[component.config]\n";
  ComponentConfig config = component.config;
  std::visit([&](auto& fields) { visit_fields(fields, WriteField{out}); }, config);
}

void write_memory(std::string& out, std::string_view device, const std::optional<jobs::MemoryPrior>& prior) {
  if (prior)
    out += fmt::format("\n[memory.{}]\nresident_bytes = {}\nper_window_bytes = {}\nhost_bytes = {}\n", device,
                       prior->resident_bytes, prior->per_window_bytes, prior->host_bytes);
}

}  // namespace

std::string manifest_text(const Manifest& m) {
  std::string out = "# A model package of Framemill; docs/model-package.md explains the format.\nformat = 2\n";
  out += fmt::format("name = {}\nversion = {}\ntitle = {}\nlicence = {}\n", toml_string(m.name), toml_string(m.version),
                     toml_string(m.title), toml_string(m.licence));
  write_window(out, m);
  write_sampler(out, m);
  write_conditioning(out, m.conditioning);
  for (const Component& component : m.components) write_component(out, component);
  write_memory(out, "cpu", m.cpu_memory);
  write_memory(out, "cuda", m.cuda_memory);
  out += fmt::format("\n[provenance]\ntraining_data = {}\nprogram = {}\nseed = {}\nhardware = {}\n",
                     toml_string(m.provenance.training_data), toml_string(m.provenance.program), m.provenance.seed,
                     toml_string(m.provenance.hardware));
  for (const PackageFile& file : m.files) {
    const auto role = std::find(kRoles2.begin(), kRoles2.end(), file.role) - kRoles2.begin();
    out += fmt::format("\n[[file]]\nrole = \"{}\"\npath = {}\nsize_bytes = {}\nsha256 = \"{}\"\n",
                       kRoleWords2.at(static_cast<std::size_t>(role)), toml_string(file.path), file.size_bytes,
                       file.sha256.hex());
  }
  return out;
}

}  // namespace framemill::models
