// model.toml read into a manifest: both formats.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "base/relative_path.h"
#include "config/settings.h"
#include "models/config_fields.h"
#include "models/manifest_components.h"
#include "models/manifest_keys.h"
#include "models/manifest_words.h"

namespace framemill::models {
namespace {

using config::SettingsTable;

constexpr std::int64_t kBytesMax = std::int64_t{1} << 50;

bool is_path_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

// Names of files in a package are plain ASCII, and none is hidden; the manifest is not in its own list.
bool is_package_path(std::string_view path) {
  constexpr std::size_t kPathMax = 255;
  if (base::path_flaw(path, kPathMax) || path == "model.toml") return false;
  for (const std::string_view part : base::path_parts(path))
    if (part.front() == '.' || !std::all_of(part.begin(), part.end(), is_path_character)) return false;
  return true;
}

std::string needed_name(SettingsTable& in, std::string_view key) {
  std::string out = needed_text(in, key, 64);
  if (!out.empty() && !is_name(out))
    in.fail(key, "bad_name", fmt::format("\"{}\" is not a name", out), "a-z 0-9 - . _");
  return out;
}

constexpr std::int64_t kPixelsMax = std::int64_t{1} << 28;
constexpr int kSideMax = 16384, kFramesMax = 4096;

// What a job may choose; what is left out allows no more than the package's own.
void read_limits(SettingsTable& in, Manifest& m) {
  jobs::WindowLimits& limits = m.limits;
  limits = {.frames_max = m.window_frames, .size_multiple = 16, .width_max = m.width, .height_max = m.height};
  take_integer(in, "frames_max", 1, kFramesMax, limits.frames_max);
  take_integer(in, "size_multiple", 1, 1024, limits.size_multiple);
  take_integer(in, "width_max", 16, kSideMax, limits.width_max);
  take_integer(in, "height_max", 16, kSideMax, limits.height_max);
  limits.pixels_max = std::int64_t{limits.width_max} * limits.height_max;
  take_integer(in, "pixels_max", 256, kPixelsMax, limits.pixels_max);
  limits.frames_min = static_cast<std::int32_t>(m.time_ratio.frames(1));
  while (limits.frames_min <= m.context_frames) limits.frames_min += m.time_ratio.mul;
  if (m.window_frames > limits.frames_max)
    in.fail("frames_max", "out_of_range", fmt::format("{} is less than window.frames", limits.frames_max));
  if (m.width > limits.width_max)
    in.fail("width_max", "out_of_range", fmt::format("{} is less than window.width", limits.width_max));
  if (m.height > limits.height_max)
    in.fail("height_max", "out_of_range", fmt::format("{} is less than window.height", limits.height_max));
  for (const auto& [key, side] : {std::pair{"width", m.width}, {"height", m.height}})
    if (side % limits.size_multiple != 0)
      in.fail(key, "out_of_range", fmt::format("{} is not a multiple of {}", side, limits.size_multiple));
  if (std::int64_t{m.width} * m.height > limits.pixels_max)
    in.fail("pixels_max", "out_of_range",
            fmt::format("{} is less than window.width times window.height", limits.pixels_max));
}

void read_window(SettingsTable& in, Manifest& m) {
  needed_integer(in, "frames", 1, kFramesMax, m.window_frames);
  needed_integer(in, "context_frames", 0, kFramesMax, m.context_frames);
  needed_integer(in, "fps", 1, 1000, m.fps);
  needed_integer(in, "width", 16, kSideMax, m.width);
  needed_integer(in, "height", 16, kSideMax, m.height);
  needed_integer(in, "time_ratio_mul", 1, 64, m.time_ratio.mul);
  needed_integer(in, "time_ratio_add", 0, 1, m.time_ratio.add);
  m.carry = needed_choice(in, "carry", kCarries) == 0 ? jobs::CarryKind::Latents : jobs::CarryKind::Frames;
  m.carry_dtype = needed_choice(in, "carry_dtype", kCarryDtypes) == 0 ? CarryDtype::F32 : CarryDtype::F16;
  m.colour_space = kColourSpaces[needed_choice(in, "colour_space", kColourSpaces)];
  if (m.format == 2) read_limits(in, m);
  if (m.window_frames == 0) return;  // reported
  if (m.context_frames >= m.window_frames)
    in.fail("context_frames", "out_of_range", fmt::format("{} is not less than window.frames", m.context_frames));
  const jobs::TimeRatio ratio = m.time_ratio;
  std::vector<std::pair<const char*, int>> lengths = {{"frames", m.window_frames},
                                                      {"context_frames", m.context_frames}};
  if (m.format == 2 && m.limits.frames_max != m.window_frames) lengths.emplace_back("frames_max", m.limits.frames_max);
  for (const auto& [key, frames] : lengths)
    if (frames > 0 && ratio.frames(ratio.latents(frames)) != frames)
      in.fail(key, "out_of_range", fmt::format("{} does not follow the time ratio", frames),
              fmt::format("a multiple of {}, plus {}", ratio.mul, ratio.add));
}

// What format 2 adds.
void read_sampler_kind(SettingsTable& in, Manifest& m) {
  m.sampler = static_cast<SamplerKind>(needed_choice(in, "kind", kSamplerKinds));
  m.prediction = static_cast<Prediction>(needed_choice(in, "prediction", kPredictions));
  m.boundary = in.number("boundary", 0.0, 1.0);
  m.guidance_low = in.number("guidance_low", 0.0, m.guidance_max);
  if (m.guidance_low && !in.has("boundary"))
    in.fail("guidance_low", "missing_key", "guidance_low is of the levels below sampler.boundary, which is missing");
}

void read_sampler(SettingsTable& in, Manifest& m) {
  constexpr int kStepsMax = 1000, kBatchMax = 1024;
  constexpr double kGuidanceMax = 100.0;
  m.steps_max = kStepsMax;  // what the limits of the others are where these are wrong
  m.guidance_max = kGuidanceMax;
  m.batch_max = kBatchMax;
  needed_integer(in, "steps_max", 1, kStepsMax, m.steps_max);
  needed_integer(in, "default_steps", 1, m.steps_max, m.default_steps);
  needed_number(in, "guidance_max", 0.0, kGuidanceMax, m.guidance_max);
  needed_number(in, "default_guidance", 0.0, m.guidance_max, m.default_guidance);
  for (const auto& [key, out] :
       {std::pair{"guidance_min_level", &m.guidance_min_level}, {"guidance_rescale", &m.guidance_rescale}})
    if (m.format == 1)
      needed_number(in, key, 0.0, 1.0, *out);
    else
      *out = in.number(key, 0.0, 1.0).value_or(*out);
  needed_number(in, "noise_shift", 0.1, 100.0, m.noise_shift);
  needed_integer(in, "batch_max", 1, kBatchMax, m.batch_max);
  needed_integer(in, "batch_max_cpu", 1, m.batch_max, m.batch_max_cpu);
  if (m.format == 2) read_sampler_kind(in, m);
}

// The network of format 1: every number is stated.
NetworkShape read_network(SettingsTable& in) {
  NetworkShape network;
  needed_choice(in, "backend", kBackends);
  visit_fields(network, [&in](std::string_view key, int& out) { needed_integer(in, key, 1, 1 << 16, out); });
  return network;
}

void read_conditioning(SettingsTable& in, Conditioning& c) {
  constexpr int kTokensMax = 8192;
  const bool is_text = needed_choice(in, "kind", kConditionings) == 1;
  c.kind = is_text ? jobs::ConditioningKind::Text : jobs::ConditioningKind::Vocabulary;
  if (is_text) needed_integer(in, "max_tokens", 2, kTokensMax, c.max_tokens);
  in.text("negative_prompt", c.negative_prompt, SettingsTable::Empty::Allowed);
}

void read_memory(SettingsTable& in, std::optional<jobs::MemoryPrior>& out) {
  jobs::MemoryPrior& prior = out.emplace();
  needed_integer(in, "resident_bytes", 0, kBytesMax, prior.resident_bytes);
  needed_integer(in, "per_window_bytes", 0, kBytesMax, prior.per_window_bytes);
  needed_integer(in, "host_bytes", 0, kBytesMax, prior.host_bytes);
}

void read_provenance(SettingsTable& in, Provenance& p) {
  p.training_data = needed_text(in, "training_data", 4096);
  p.program = needed_text(in, "program", 4096);
  needed_integer(in, "seed", 0, std::numeric_limits<std::int64_t>::max(), p.seed);
  p.hardware = needed_text(in, "hardware", 4096);
}

// The roles of format 1, without those of format 2, and the other way round.
FileRole read_role(SettingsTable& in, int format) {
  if (format == 1) return kRoles1[needed_choice(in, "role", kRoleWords1)];
  return kRoles2[needed_choice(in, "role", kRoleWords2)];
}

PackageFile read_file(SettingsTable& in, int format) {
  PackageFile file;
  file.role = read_role(in, format);
  file.path = needed_text(in, "path", 255);
  if (!file.path.empty() && !is_package_path(file.path))
    in.fail("path", "bad_path", fmt::format("\"{}\" is not a plain path inside the package", file.path));
  needed_integer(in, "size_bytes", 0, kBytesMax, file.size_bytes);
  const std::string hex = needed_text(in, "sha256", 64);
  if (const auto digest = base::Sha256::from_hex(hex))
    file.sha256 = *digest;
  else if (!hex.empty())
    in.fail("sha256", "bad_digest", "this is not a SHA-256", "64 hexadecimal digits");
  return file;
}

void read_files(SettingsTable& root, Manifest& m) {
  root.require("file", fmt::format("a [[file]] for each of 1 to {} files", kPackageFilesMax));
  std::set<std::string> paths;
  root.tables("file", kPackageFilesMax, [&](SettingsTable& in) {
    PackageFile file = read_file(in, m.format);
    if (!file.path.empty() && !paths.insert(file.path).second)
      in.fail("path", "duplicate_path", fmt::format("\"{}\" is in the manifest twice", file.path));
    m.files.push_back(std::move(file));
  });
}

// The one network of format 1, and its vocabulary, as the components that they are.
void read_format_1(SettingsTable& root, Manifest& m) {
  Component denoiser, vocabulary;
  denoiser.architecture = kDemoClips;
  vocabulary.role = ComponentRole::Vocabulary;
  vocabulary.architecture = kVocabularyWords;
  needed_table(root, "network", [&](SettingsTable& in) { denoiser.config = read_network(in); });
  needed_table(root, "memory", [&](SettingsTable& memory) {
    needed_table(memory, "cpu", [&](SettingsTable& in) { read_memory(in, m.cpu_memory); });
    needed_table(memory, "cuda", [&](SettingsTable& in) { read_memory(in, m.cuda_memory); });
  });
  if (auto* network = std::get_if<NetworkShape>(&denoiser.config)) {
    network->image_width = m.width;
    network->image_height = m.height;
    network->window_frames = static_cast<int>(m.time_ratio.latents(m.window_frames));
  }
  for (const auto& [role, word, component] :
       {std::tuple{FileRole::Weights, "weights", &denoiser}, {FileRole::Vocabulary, "vocabulary", &vocabulary}}) {
    if (const PackageFile* file = m.file(role))
      component->files.push_back(file->path);
    else if (root.has("file"))
      root.fail("file", "missing_file", fmt::format("no file has the role \"{}\"", word));
  }
  m.components = {std::move(denoiser), std::move(vocabulary)};
}

void read_format_2(SettingsTable& root, Manifest& m) {
  needed_table(root, "conditioning", [&](SettingsTable& in) { read_conditioning(in, m.conditioning); });
  root.table("memory", [&](SettingsTable& memory) {
    memory.table("cpu", [&](SettingsTable& in) { read_memory(in, m.cpu_memory); });
    memory.table("cuda", [&](SettingsTable& in) { read_memory(in, m.cuda_memory); });
  });
  read_components(root, m);
}

void read_manifest(SettingsTable& root, Manifest& m) {
  needed_integer(root, "format", 1, 2, m.format);
  m.name = needed_name(root, "name");
  m.version = needed_name(root, "version");
  m.title = needed_text(root, "title", 512);
  m.licence = needed_text(root, "licence", 64);
  needed_table(root, "window", [&](SettingsTable& in) { read_window(in, m); });
  needed_table(root, "sampler", [&](SettingsTable& in) { read_sampler(in, m); });
  needed_table(root, "provenance", [&](SettingsTable& in) { read_provenance(in, m.provenance); });
  read_files(root, m);
  if (m.format == 1)
    read_format_1(root, m);
  else
    read_format_2(root, m);
}

}  // namespace

base::Result<Manifest> parse_manifest(std::string_view text) {
  Manifest manifest;
  const config::SettingsForm form{.code = "model.manifest",
                                  .lists = {"file", "component"},
                                  .bytes_max = kManifestBytesMax,
                                  .unknown_key_hint = "see docs/model-package.md"};
  FM_TRY(config::read_settings(text, form, [&](SettingsTable& root) { read_manifest(root, manifest); }));
  return manifest;
}

}  // namespace framemill::models
