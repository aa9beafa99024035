#include "worker/daemon/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <set>

#include "base/file.h"
#include "worker/daemon/toml_table.h"

namespace framemill::worker {
namespace {

using base::Error;
using base::Result;
using base::Status;

constexpr std::uint64_t kConfigBytesMax = 256 << 10;
constexpr std::size_t kTablesMax = 256;

// A name that ends up in file names, cgroups and displays.
bool plain_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name)
    if (!(std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.')) return false;
  return name.front() != '.';
}

Status read_map(
    const toml::node& node, const std::string& field,
    const std::function<Status(const std::string& name, const std::string& value, const toml::node& at)>& take) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return config_error(node, "config.wrong_type", field, "is a table: name = \"path\"");
  for (const auto& [key, entry] : *table) {
    const std::string name(key.str());
    if (!entry.is_string() || entry.as_string()->get().empty())
      return config_error(entry, "config.wrong_type", field + "." + name, "is a path");
    if (!plain_name(name))
      return config_error(entry, "config.out_of_range", field + "." + name,
                          "is a name of letters, digits, '-', '_' and '.'");
    FM_TRY(take(name, entry.as_string()->get(), entry));
  }
  return {};
}

template <class Entry>
TomlTable::Reader list_of(std::vector<Entry>& out,
                          std::function<Status(const toml::table&, const std::string&, Entry&)> read) {
  return [&out, read = std::move(read)](const toml::node& node, const std::string& field) -> Status {
    const toml::array* list = node.as_array();
    if (list == nullptr || list->size() > kTablesMax)
      return config_error(node, "config.wrong_type", field, fmt::format("is written as [[{}]]", field));
    for (std::size_t i = 0; i < list->size(); ++i) {
      const toml::table* table = list->get(i)->as_table();
      const std::string at = fmt::format("{}[{}]", field, i);
      if (table == nullptr)
        return config_error(*list->get(i), "config.wrong_type", at, fmt::format("is written as [[{}]]", field));
      Entry entry;
      FM_TRY(read(*table, at + ".", entry));
      if (!plain_name(entry.name))
        return config_error(*table, "config.missing_key", at + ".name",
                            "is a name of letters, digits, '-', '_' and '.'");
      out.push_back(std::move(entry));
    }
    return {};
  };
}

Status read_device(const toml::table& table, const std::string& field, DeviceConfig& out) {
  TomlTable reader(field);
  reader.string("name", out.name);
  reader.string("kind", out.kind);
  reader.string("uuid", out.uuid);
  reader.cpus("cpus", out.cpus);
  reader.size("memory", out.memory_bytes);
  FM_TRY(reader.read(table));
  if (out.kind != "cpu" && out.kind != "cuda")
    return config_error(table, "config.out_of_range", field + "kind", "is \"cpu\" or \"cuda\"");
  if (out.kind == "cuda" && out.uuid.empty())
    return config_error(table, "config.missing_key", field + "uuid", "is not set", "`nvidia-smi -L` lists the GPUs");
  return {};
}

Status read_slot(const toml::table& table, const std::string& field, SlotConfig& out) {
  TomlTable reader(field);
  reader.string("name", out.name);
  reader.string("device", out.device);
  reader.integer("threads", 1, 1024, [&out](std::int64_t n) { out.threads = static_cast<std::uint32_t>(n); });
  reader.cpus("cpus", out.cpus);
  reader.size("host_memory", out.host_memory_bytes);
  FM_TRY(reader.read(table));
  if (out.device.empty()) return config_error(table, "config.missing_key", field + "device", "is not set");
  return {};
}

// roots.main = "/mnt/show", or roots.plates = {path = "/mnt/plates", access = "read"}.
Status read_root(const toml::node& node, const std::string& name, const std::string& field,
                 const std::filesystem::path& directory, WorkerConfig& config) {
  if (!plain_name(name))
    return config_error(node, "config.out_of_range", field, "is a name of letters, digits, '-', '_' and '.'");
  std::string path = node.is_string() ? node.as_string()->get() : std::string();
  if (const toml::table* table = node.as_table()) {
    std::string access = "write";
    TomlTable reader(field + ".");
    reader.string("path", path);
    reader.string("access", access);
    FM_TRY(reader.read(*table));
    if (access != "read" && access != "write")
      return config_error(node, "config.out_of_range", field + ".access", "is \"read\" or \"write\"");
    if (access == "read") config.read_only_roots.insert(name);
  }
  if (path.empty())
    return config_error(node, "config.wrong_type", field, "is a path, or {path = \"...\", access = \"read\"}");
  config.roots[name] = (directory / path).lexically_normal();
  return {};
}

Status read_umask(const toml::node& node, const std::string& field, std::uint32_t& out) {
  const std::string text = node.is_string() ? node.as_string()->get() : "";
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 8);
  if (error != std::errc() || end != text.data() + text.size() || out > 0777)
    return config_error(node, "config.wrong_type", field, "is an octal number in quotes, such as \"0022\"");
  return {};
}

Status read_confinement(const toml::node& node, const std::string& field, const std::filesystem::path& directory,
                        ConfinementConfig& out) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return config_error(node, "config.wrong_type", field, fmt::format("is a table: [{}]", field));
  std::vector<std::string> read, write;
  TomlTable reader(field + ".");
  reader.string("mode", out.mode);
  reader.string("user", out.user);
  reader.strings("read", read);
  reader.strings("write", write);
  FM_TRY(reader.read(*table));
  if (out.mode != "required" && out.mode != "best_effort" && out.mode != "off")
    return config_error(*table, "config.out_of_range", field + ".mode", R"(is "required", "best_effort" or "off")");
  for (const std::string& path : read) out.read.push_back((directory / path).lexically_normal());
  for (const std::string& path : write) out.write.push_back((directory / path).lexically_normal());
  return {};
}

Status check_together(const WorkerConfig& config) {
  std::set<std::string> devices, slots;
  for (const DeviceConfig& device : config.devices)
    if (!devices.insert(device.name).second)
      return Error{"config.device", fmt::format("two devices are called {}", device.name), "device", ""};
  for (const SlotConfig& slot : config.slots) {
    if (!slots.insert(slot.name).second)
      return Error{"config.device", fmt::format("two slots are called {}", slot.name), "slot", ""};
    if (!config.devices.empty() && !devices.contains(slot.device))
      return Error{"config.device",
                   fmt::format("slot {} is on device {}, which no [[device]] is called", slot.name, slot.device),
                   "slot", ""};
  }
  for (const auto& [name, program] : config.commands)
    if (!program.starts_with('/'))
      return Error{"config.out_of_range", fmt::format("commands.{}: {} is no absolute path", name, program),
                   "commands." + name, ""};
  return {};
}

Status read_config(const toml::table& table, const std::filesystem::path& directory, WorkerConfig& config) {
  std::vector<std::string> models;
  TomlTable reader("");
  reader.string("name", config.name);
  reader.string("scheduler", config.scheduler);
  reader.path("scheduler_key_file", config.scheduler_key_file, directory);
  reader.path("key_file", config.key_file, directory);
  reader.path("executor", config.executor, directory);
  reader.path("media", config.media, directory);
  reader.strings("models", models);
  reader.strings("environment", config.environment);
  reader.duration("drain_timeout", config.drain_timeout, base::milliseconds(0), base::seconds(24 * 3600));
  reader.duration("start_timeout", config.start_timeout, base::milliseconds(100), base::seconds(3600));
  reader.duration("hang_timeout", config.hang_timeout, base::milliseconds(100), base::seconds(24 * 3600));
  reader.string("group", config.group);
  reader.integer("niceness", 0, 19, [&](std::int64_t n) { config.niceness = static_cast<int>(n); });
  reader.other("umask",
               [&](const toml::node& node, const std::string& field) { return read_umask(node, field, config.umask); });
  reader.other("roots", [&](const toml::node& node, const std::string& field) -> Status {
    const toml::table* roots = node.as_table();
    if (roots == nullptr) return config_error(node, "config.wrong_type", field, "is a table: name = \"path\"");
    for (const auto& [key, entry] : *roots) {
      const std::string name(key.str());
      FM_TRY(read_root(entry, name, field + "." + name, directory, config));
    }
    return {};
  });
  reader.other("commands", [&](const toml::node& node, const std::string& field) {
    return read_map(node, field, [&](const std::string& name, const std::string& value, const toml::node&) -> Status {
      config.commands[name] = value;
      return {};
    });
  });
  reader.other("confinement", [&](const toml::node& node, const std::string& field) {
    return read_confinement(node, field, directory, config.confinement);
  });
  reader.other("device", list_of<DeviceConfig>(config.devices, read_device));
  reader.other("slot", list_of<SlotConfig>(config.slots, read_slot));
  FM_TRY(reader.read(table));
  config.directory = directory;
  for (const std::string& model : models) config.models.push_back((directory / model).lexically_normal());
  const std::array<std::pair<const char*, bool>, 3> required{{{"scheduler", config.scheduler.empty()},
                                                              {"scheduler_key_file", config.scheduler_key_file.empty()},
                                                              {"key_file", config.key_file.empty()}}};
  for (const auto& [key, missing] : required)
    if (missing) return Error{"config.missing_key", fmt::format("{} is not set", key), key, "see docs/worker-toml.md"};
  return check_together(config);
}

}  // namespace

Result<WorkerConfig> parse_worker_config(std::string_view text, const std::filesystem::path& directory) {
  WorkerConfig config;
  try {
    FM_TRY(read_config(toml::parse(text), directory, config));
  } catch (const toml::parse_error& error) {
    return Error{"config.syntax", fmt::format("line {}: {}", error.source().begin.line, error.description()), "", ""};
  }
  if (config.name.empty()) {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    config.name = host.data();
  }
  return config;
}

Result<WorkerConfig> read_worker_config(const std::filesystem::path& path) {
  const auto text = base::read_file(path, kConfigBytesMax);
  if (!text.ok()) return Error{"config.read", text.error().message, "", "name the file with --config"};
  auto config = parse_worker_config(*text, std::filesystem::absolute(path).parent_path());
  if (!config.ok()) return config.error().wrapped(path.string());
  return config;
}

}  // namespace framemill::worker
