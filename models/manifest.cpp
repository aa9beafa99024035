#include "models/manifest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/relative_path.h"
#include "config/settings.h"

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

// Keys that every manifest has.
std::string needed_text(SettingsTable& in, std::string_view key, std::size_t bytes_max) {
  std::string out;
  in.require(key, fmt::format("a string of 1 to {} bytes", bytes_max));
  in.prose(key, out, bytes_max);
  return out;
}

template <class Integer>
void take_integer(SettingsTable& in, std::string_view key, std::int64_t least, std::int64_t most, Integer& out) {
  in.require(key, fmt::format("an integer, {} to {}", least, most));
  if (const auto value = in.integer(key, least, most)) out = static_cast<Integer>(*value);
}

void take_number(SettingsTable& in, std::string_view key, double least, double most, double& out) {
  in.require(key, fmt::format("a number, {} to {}", least, most));
  if (const auto value = in.number(key, least, most)) out = *value;
}

std::size_t needed_choice(SettingsTable& in, std::string_view key, const std::vector<std::string_view>& words) {
  in.require(key, fmt::format("{}", fmt::join(words, ", ")));
  return in.choice(key, words).value_or(0);
}

void needed_table(SettingsTable& in, std::string_view key, const SettingsTable::ReadTable& read) {
  in.require(key, fmt::format("a table, [{}]", key));
  in.table(key, read);
}

std::string needed_name(SettingsTable& in, std::string_view key) {
  std::string out = needed_text(in, key, 64);
  if (!out.empty() && !is_name(out))
    in.fail(key, "bad_name", fmt::format("\"{}\" is not a name", out), "a-z 0-9 - . _");
  return out;
}

void read_window(SettingsTable& in, Manifest& m) {
  take_integer(in, "frames", 1, 4096, m.window_frames);
  take_integer(in, "context_frames", 0, 4096, m.context_frames);
  take_integer(in, "fps", 1, 1000, m.fps);
  take_integer(in, "width", 16, 16384, m.network.image_width);
  take_integer(in, "height", 16, 16384, m.network.image_height);
  take_integer(in, "time_ratio_mul", 1, 64, m.time_ratio.mul);
  take_integer(in, "time_ratio_add", 0, 1, m.time_ratio.add);
  m.carry = needed_choice(in, "carry", {"latents", "frames"}) == 0 ? jobs::CarryKind::Latents : jobs::CarryKind::Frames;
  m.carry_dtype = needed_choice(in, "carry_dtype", {"f32", "f16"}) == 0 ? CarryDtype::F32 : CarryDtype::F16;
  m.colour_space = needed_choice(in, "colour_space", {"srgb", "lin_rec709"}) == 0 ? "srgb" : "lin_rec709";
  if (m.window_frames == 0) return;  // reported
  if (m.context_frames >= m.window_frames)
    in.fail("context_frames", "out_of_range", fmt::format("{} is not less than window.frames", m.context_frames));
  const jobs::TimeRatio ratio = m.time_ratio;
  for (const auto& [key, frames] : {std::pair{"frames", m.window_frames}, {"context_frames", m.context_frames}})
    if (frames > 0 && ratio.frames(ratio.latents(frames)) != frames)
      in.fail(key, "out_of_range", fmt::format("{} does not follow the time ratio", frames),
              fmt::format("a multiple of {}, plus {}", ratio.mul, ratio.add));
  m.network.window_frames = static_cast<int>(ratio.latents(m.window_frames));
}

void read_sampler(SettingsTable& in, Manifest& m) {
  constexpr int kStepsMax = 1000, kBatchMax = 1024;
  constexpr double kGuidanceMax = 100.0;
  m.steps_max = kStepsMax;  // what the limits of the others are where these are wrong
  m.guidance_max = kGuidanceMax;
  m.batch_max = kBatchMax;
  take_integer(in, "steps_max", 1, kStepsMax, m.steps_max);
  take_integer(in, "default_steps", 1, m.steps_max, m.default_steps);
  take_number(in, "guidance_max", 0.0, kGuidanceMax, m.guidance_max);
  take_number(in, "default_guidance", 0.0, m.guidance_max, m.default_guidance);
  take_number(in, "guidance_min_level", 0.0, 1.0, m.guidance_min_level);
  take_number(in, "guidance_rescale", 0.0, 1.0, m.guidance_rescale);
  take_number(in, "noise_shift", 0.1, 100.0, m.noise_shift);
  take_integer(in, "batch_max", 1, kBatchMax, m.batch_max);
  take_integer(in, "batch_max_cpu", 1, m.batch_max, m.batch_max_cpu);
}

void read_network(SettingsTable& in, NetworkShape& n) {
  needed_choice(in, "backend", {"builtin"});
  const auto size = [&in](const char* key, auto& out) { take_integer(in, key, 1, 1 << 16, out); };
  size("space_ratio", n.space_ratio);
  size("latent_channels", n.latent_channels);
  size("encoder_width", n.encoder_width);
  size("decoder_width", n.decoder_width);
  size("decoder_middle_width", n.decoder_middle_width);
  size("decoder_fine_width", n.decoder_fine_width);
  size("patch", n.patch);
  size("width", n.width);
  size("layers", n.layers);
  size("heads", n.heads);
  size("modulation_rank", n.modulation_rank);
}

void read_memory(SettingsTable& in, jobs::MemoryPrior& prior) {
  take_integer(in, "resident_bytes", 0, kBytesMax, prior.resident_bytes);
  take_integer(in, "per_window_bytes", 0, kBytesMax, prior.per_window_bytes);
  take_integer(in, "host_bytes", 0, kBytesMax, prior.host_bytes);
}

void read_provenance(SettingsTable& in, Provenance& p) {
  p.training_data = needed_text(in, "training_data", 4096);
  p.program = needed_text(in, "program", 4096);
  take_integer(in, "seed", 0, std::numeric_limits<std::int64_t>::max(), p.seed);
  p.hardware = needed_text(in, "hardware", 4096);
}

PackageFile read_file(SettingsTable& in) {
  PackageFile file;
  file.role = static_cast<FileRole>(needed_choice(in, "role", {"weights", "vocabulary", "licence", "other"}));
  file.path = needed_text(in, "path", 255);
  if (!file.path.empty() && !is_package_path(file.path))
    in.fail("path", "bad_path", fmt::format("\"{}\" is not a plain path inside the package", file.path));
  take_integer(in, "size_bytes", 0, kBytesMax, file.size_bytes);
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
    PackageFile file = read_file(in);
    if (!file.path.empty() && !paths.insert(file.path).second)
      in.fail("path", "duplicate_path", fmt::format("\"{}\" is in the manifest twice", file.path));
    m.files.push_back(std::move(file));
  });
  if (!root.has("file")) return;  // reported
  if (!m.file(FileRole::Weights)) root.fail("file", "missing_file", "no file has the role \"weights\"");
  if (!m.file(FileRole::Vocabulary)) root.fail("file", "missing_file", "no file has the role \"vocabulary\"");
}

void read_manifest(SettingsTable& root, Manifest& m) {
  int format = 0;
  take_integer(root, "format", 1, 1, format);
  m.name = needed_name(root, "name");
  m.version = needed_name(root, "version");
  m.title = needed_text(root, "title", 512);
  m.licence = needed_text(root, "licence", 64);
  needed_table(root, "window", [&](SettingsTable& in) { read_window(in, m); });
  needed_table(root, "sampler", [&](SettingsTable& in) { read_sampler(in, m); });
  needed_table(root, "network", [&](SettingsTable& in) { read_network(in, m.network); });
  needed_table(root, "provenance", [&](SettingsTable& in) { read_provenance(in, m.provenance); });
  needed_table(root, "memory", [&](SettingsTable& memory) {
    needed_table(memory, "cpu", [&](SettingsTable& in) { read_memory(in, m.cpu_memory); });
    needed_table(memory, "cuda", [&](SettingsTable& in) { read_memory(in, m.cuda_memory); });
  });
  read_files(root, m);
}

}  // namespace

const PackageFile* Manifest::file(FileRole role) const {
  for (const PackageFile& candidate : files) {
    if (candidate.role == role) return &candidate;
  }
  return nullptr;
}

base::Result<Manifest> parse_manifest(std::string_view text) {
  Manifest manifest;
  const config::SettingsForm form{.code = "model.manifest",
                                  .lists = {"file"},
                                  .bytes_max = kManifestBytesMax,
                                  .unknown_key_hint = "see docs/model-package.md"};
  FM_TRY(config::read_settings(text, form, [&](SettingsTable& root) { read_manifest(root, manifest); }));
  return manifest;
}

base::Sha256 root_digest(const Manifest& manifest, std::string_view manifest_text) {
  struct Entry {
    std::string path, line;
  };
  std::vector<Entry> entries;
  const auto add = [&entries](const std::string& path, const base::Sha256& digest, std::uint64_t size) {
    entries.push_back({path, fmt::format("{} {} {}\n", digest.hex(), size, path)});
  };
  add("model.toml", base::sha256(manifest_text), manifest_text.size());
  for (const PackageFile& file : manifest.files) add(file.path, file.sha256, file.size_bytes);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
  std::string list = "framemill package 1\n";
  for (const Entry& entry : entries) list += entry.line;
  return base::sha256(list);
}

}  // namespace framemill::models
