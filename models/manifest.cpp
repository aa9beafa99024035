#include "models/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "models/toml_reader.h"

namespace framemill::models {
namespace {

constexpr const char* kCode = "model.manifest";
constexpr std::int64_t kBytesMax = std::int64_t{1} << 50;

base::Error bad_manifest(std::string field, std::string reason) {
  return {kCode, field + " " + reason, field, ""};
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

// A path that stays inside the package whatever it is joined to.
bool is_inside(std::string_view path) {
  if (path.empty() || path.size() > 255 || path.front() == '/' || path == "model.toml") return false;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name.empty() || name.front() == '.') return false;
    begin = end + 1;
  }
  return std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '/';
  });
}

base::Status read_window(const toml::table* table, Manifest& m) {
  TomlReader in(table, "window", kCode);
  m.window_frames = static_cast<int>(in.integer("frames", 1, 4096));
  m.context_frames = static_cast<int>(in.integer("context_frames", 0, 4096));
  m.fps = static_cast<int>(in.integer("fps", 1, 1000));
  m.network.image_width = static_cast<int>(in.integer("width", 16, 16384));
  m.network.image_height = static_cast<int>(in.integer("height", 16, 16384));
  m.time_ratio.mul = static_cast<std::int32_t>(in.integer("time_ratio_mul", 1, 64));
  m.time_ratio.add = static_cast<std::int32_t>(in.integer("time_ratio_add", 0, 1));
  m.carry = in.choice("carry", {"latents", "frames"}) == 0 ? jobs::CarryKind::Latents : jobs::CarryKind::Frames;
  m.carry_dtype = in.choice("carry_dtype", {"f32", "f16"}) == 0 ? CarryDtype::F32 : CarryDtype::F16;
  m.colour_space = in.choice("colour_space", {"srgb", "lin_rec709"}) == 0 ? "srgb" : "lin_rec709";
  FM_TRY(in.finish());
  if (m.context_frames >= m.window_frames) return bad_manifest("window.context_frames", "is less than window.frames");
  const jobs::TimeRatio ratio = m.time_ratio;
  for (const auto& [field, frames] :
       {std::pair{"window.frames", m.window_frames}, {"window.context_frames", m.context_frames}}) {
    if (frames > 0 && ratio.frames(ratio.latents(frames)) != frames)
      return bad_manifest(field, "does not follow the time ratio");
  }
  m.network.window_frames = static_cast<int>(ratio.latents(m.window_frames));
  return {};
}

base::Status read_sampler(const toml::table* table, Manifest& m) {
  TomlReader in(table, "sampler", kCode);
  m.steps_max = static_cast<int>(in.integer("steps_max", 1, 1000));
  m.default_steps = static_cast<int>(in.integer("default_steps", 1, m.steps_max));
  m.guidance_max = in.number("guidance_max", 0.0, 100.0);
  m.default_guidance = in.number("default_guidance", 0.0, m.guidance_max);
  m.guidance_min_level = in.number("guidance_min_level", 0.0, 1.0);
  m.guidance_rescale = in.number("guidance_rescale", 0.0, 1.0);
  m.noise_shift = in.number("noise_shift", 0.1, 100.0);
  m.batch_max = static_cast<int>(in.integer("batch_max", 1, 1024));
  m.batch_max_cpu = static_cast<int>(in.integer("batch_max_cpu", 1, m.batch_max));
  return in.finish();
}

base::Status read_network(const toml::table* table, Manifest& m) {
  TomlReader in(table, "network", kCode);
  NetworkShape& n = m.network;
  in.choice("backend", {"builtin"});
  const auto size = [&in](const char* key) { return static_cast<int>(in.integer(key, 1, 1 << 16)); };
  n.space_ratio = size("space_ratio");
  n.latent_channels = size("latent_channels");
  n.encoder_width = size("encoder_width");
  n.decoder_width = size("decoder_width");
  n.decoder_middle_width = size("decoder_middle_width");
  n.decoder_fine_width = size("decoder_fine_width");
  n.patch = size("patch");
  n.width = size("width");
  n.layers = size("layers");
  n.heads = size("heads");
  n.modulation_rank = size("modulation_rank");
  return in.finish();
}

base::Status read_memory(const toml::table* table, const std::string& field, jobs::MemoryPrior& prior) {
  TomlReader in(table, field, kCode);
  prior.resident_bytes = static_cast<std::uint64_t>(in.integer("resident_bytes", 0, kBytesMax));
  prior.per_window_bytes = static_cast<std::uint64_t>(in.integer("per_window_bytes", 0, kBytesMax));
  prior.host_bytes = static_cast<std::uint64_t>(in.integer("host_bytes", 0, kBytesMax));
  return in.finish();
}

base::Status read_provenance(const toml::table* table, Provenance& p) {
  TomlReader in(table, "provenance", kCode);
  p.training_data = in.text("training_data", 4096);
  p.program = in.text("program", 4096);
  p.seed = static_cast<std::uint64_t>(in.integer("seed", 0, std::numeric_limits<std::int64_t>::max()));
  p.hardware = in.text("hardware", 4096);
  return in.finish();
}

base::Result<PackageFile> read_file(const toml::node& node, const std::string& field) {
  TomlReader in(node.as_table(), field, kCode);
  PackageFile file;
  file.role = static_cast<FileRole>(in.choice("role", {"weights", "vocabulary", "licence", "other"}));
  file.path = in.text("path", 255);
  file.size_bytes = static_cast<std::uint64_t>(in.integer("size_bytes", 0, kBytesMax));
  const std::string hex = in.text("sha256", 64);
  FM_TRY(in.finish());
  if (!is_inside(file.path))
    return bad_manifest(field + ".path", "'" + file.path + "' is not a plain path inside the package");
  const auto digest = base::Sha256::from_hex(hex);
  if (!digest) return bad_manifest(field + ".sha256", "is not 64 hexadecimal digits");
  file.sha256 = *digest;
  return file;
}

base::Status read_files(const toml::array* array, Manifest& m) {
  if (!array || array->empty() || array->size() > kPackageFilesMax) return bad_manifest("file", "lists 1 to 256 files");
  std::set<std::string> paths;
  for (std::size_t i = 0; i < array->size(); ++i) {
    FM_ASSIGN(PackageFile file, read_file((*array)[i], fmt::format("file[{}]", i)));
    if (!paths.insert(file.path).second) return bad_manifest(fmt::format("file[{}].path", i), "appears twice");
    m.files.push_back(std::move(file));
  }
  if (!m.file(FileRole::Weights)) return bad_manifest("file", "lists no weights");
  if (!m.file(FileRole::Vocabulary)) return bad_manifest("file", "lists no vocabulary");
  return {};
}

}  // namespace

const PackageFile* Manifest::file(FileRole role) const {
  for (const PackageFile& candidate : files) {
    if (candidate.role == role) return &candidate;
  }
  return nullptr;
}

base::Result<Manifest> parse_manifest(std::string_view text) {
  if (text.size() > kManifestBytesMax) return base::Error{kCode, "model.toml is larger than 256 KiB", "", ""};
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return base::Error{kCode, fmt::format("line {}: {}", error.source().begin.line, error.description()), "", ""};
  }
  TomlReader in(&root, "", kCode);
  Manifest m;
  in.integer("format", 1, 1);
  m.name = in.text("name", 64);
  m.version = in.text("version", 64);
  m.title = in.text("title", 512);
  m.licence = in.text("licence", 64);
  const toml::table* window = in.table("window");
  const toml::table* sampler = in.table("sampler");
  const toml::table* network = in.table("network");
  const toml::table* memory = in.table("memory");
  const toml::table* provenance = in.table("provenance");
  const toml::array* files = in.array("file");
  FM_TRY(in.finish());
  if (!is_name(m.name) || !is_name(m.version)) return bad_manifest("name", "and version are of a-z 0-9 - . _");
  FM_TRY(read_window(window, m));
  FM_TRY(read_sampler(sampler, m));
  FM_TRY(read_network(network, m));
  FM_TRY(read_provenance(provenance, m.provenance));
  TomlReader devices(memory, "memory", kCode);
  const toml::table* cpu = devices.table("cpu");
  const toml::table* cuda = devices.table("cuda");
  FM_TRY(devices.finish());
  FM_TRY(read_memory(cpu, "memory.cpu", m.cpu_memory));
  FM_TRY(read_memory(cuda, "memory.cuda", m.cuda_memory));
  FM_TRY(read_files(files, m));
  return m;
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
