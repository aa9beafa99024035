#include "worker/daemon/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <set>

#include "base/file.h"
#include "config/settings.h"

namespace framemill::worker {
namespace {

using base::Error;
using base::Result;
using config::SettingsTable;

constexpr std::uint64_t kConfigBytesMax = 256 << 10;
constexpr std::size_t kTablesMax = 256;
constexpr int kCpuMax = 1023;

// A name that ends up in file names, cgroups and displays.
void read_name(SettingsTable& table, std::string& out) {
  table.require("name", "letters, digits, \"_\", \".\" and \"-\"");
  table.name("name", out);
}

void read_device(SettingsTable& table, DeviceConfig& out) {
  read_name(table, out.name);
  table.word("kind", out.kind, {"cpu", "cuda"});
  table.text("uuid", out.uuid);
  table.numbers("cpus", out.cpus, kCpuMax);
  table.size("memory", out.memory_bytes);
  if (out.kind == "cuda") table.require("uuid", "`nvidia-smi -L` lists the GPUs");
}

void read_slot(SettingsTable& table, SlotConfig& out) {
  read_name(table, out.name);
  table.require("device", "the name of a [[device]]");
  table.text("device", out.device);
  if (const auto threads = table.integer("threads", 1, 1024)) out.threads = static_cast<std::uint32_t>(*threads);
  table.numbers("cpus", out.cpus, kCpuMax);
  table.size("host_memory", out.host_memory_bytes);
}

// roots.main = "/mnt/show", or roots.plates = {path = "/mnt/plates", access = "read"}.
void read_root(SettingsTable& roots, const std::string& name, const std::filesystem::path& directory,
               WorkerConfig& config) {
  std::filesystem::path& path = config.roots[name];
  if (!roots.is_table(name)) return roots.path(name, path, directory);
  roots.table(name, [&](SettingsTable& root) {
    std::string access = "write";
    root.require("path", "the directory");
    root.path("path", path, directory);
    root.word("access", access, {"read", "write"});
    if (access == "read") config.read_only_roots.insert(name);
  });
}

void read_command(SettingsTable& commands, const std::string& name, WorkerConfig& config) {
  std::string& program = config.commands[name];
  commands.text(name, program);
  if (!program.empty() && !program.starts_with('/'))
    commands.fail(name, "out_of_range", fmt::format("{} is not an absolute path", program), "an absolute path");
}

void read_umask(SettingsTable& table, std::uint32_t& out) {
  std::string text;
  table.text("umask", text);
  if (text.empty()) return;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error == std::errc() && end == text.data() + text.size() && value <= 0777)
    out = value;
  else
    table.fail("umask", "out_of_range", "this is not a umask", "an octal number in quotes, for example \"0022\"");
}

void read_confinement(SettingsTable& table, const std::filesystem::path& directory, ConfinementConfig& out) {
  table.word("mode", out.mode, {"required", "best_effort", "off"});
  table.text("user", out.user);
  table.paths("read", out.read, directory);
  table.paths("write", out.write, directory);
}

void read_previews(SettingsTable& table, PreviewsConfig& out) {
  table.flag("enabled", out.enabled);
  if (const auto budget = table.number("budget", 0.001, 1)) out.budget = *budget;
  table.duration("keep", out.keep, base::seconds(3600), base::seconds(3650ll * 24 * 3600));
}

void check_together(SettingsTable& table, const WorkerConfig& config) {
  std::set<std::string> devices, slots;
  for (const DeviceConfig& device : config.devices)
    if (!device.name.empty() && !devices.insert(device.name).second)
      table.fail("device", "device", fmt::format("two devices have the name {}", device.name));
  for (const SlotConfig& slot : config.slots) {
    if (!slot.name.empty() && !slots.insert(slot.name).second)
      table.fail("slot", "device", fmt::format("two slots have the name {}", slot.name));
    if (!config.devices.empty() && !slot.device.empty() && !devices.contains(slot.device))
      table.fail("slot", "device",
                 fmt::format("slot {} is on device {}, but no [[device]] has that name", slot.name, slot.device));
  }
}

template <class Entry>
void read_list(SettingsTable& table, std::string_view key, std::vector<Entry>& out,
               void (*read)(SettingsTable&, Entry&)) {
  table.tables(key, kTablesMax, [&](SettingsTable& entry) { read(entry, out.emplace_back()); });
}

void read_config(SettingsTable& table, const std::filesystem::path& directory, WorkerConfig& config) {
  table.require("scheduler", "the scheduler's listen_workers, such as \"tcp://10.0.0.5:8751\"");
  table.require("scheduler_key_file", "a copy of scheduler.key.pub");
  table.require("key_file", "this worker's key: framemill keys curve worker.key");
  table.text("name", config.name);
  table.text("scheduler", config.scheduler);
  table.path("scheduler_key_file", config.scheduler_key_file, directory);
  table.path("key_file", config.key_file, directory);
  table.path("executor", config.executor, directory);
  table.path("media", config.media, directory);
  table.paths("models", config.models, directory);
  table.texts("environment", config.environment);
  table.duration("drain_timeout", config.drain_timeout, base::milliseconds(0), base::seconds(24 * 3600));
  table.duration("start_timeout", config.start_timeout, base::milliseconds(100), base::seconds(3600));
  table.duration("hang_timeout", config.hang_timeout, base::milliseconds(100), base::seconds(24 * 3600));
  table.text("group", config.group);
  if (const auto niceness = table.integer("niceness", 0, 19)) config.niceness = static_cast<int>(*niceness);
  read_umask(table, config.umask);
  table.entries("roots",
                [&](SettingsTable& roots, const std::string& name) { read_root(roots, name, directory, config); });
  table.entries("commands",
                [&](SettingsTable& commands, const std::string& name) { read_command(commands, name, config); });
  table.table("confinement", [&](SettingsTable& inner) { read_confinement(inner, directory, config.confinement); });
  table.table("previews", [&](SettingsTable& inner) { read_previews(inner, config.previews); });
  read_list(table, "device", config.devices, read_device);
  read_list(table, "slot", config.slots, read_slot);
  check_together(table, config);
  config.directory = directory;
}

}  // namespace

Result<WorkerConfig> parse_worker_config(std::string_view text, const std::filesystem::path& directory) {
  WorkerConfig config;
  const config::SettingsForm form{.lists = {"slot", "device"},
                                  .other_names = {{"gpu", "cuda"},
                                                  {"nvidia", "cuda"},
                                                  {"type", "kind"},
                                                  {"cores", "cpus"},
                                                  {"ram", "host_memory"},
                                                  {"memory", "host_memory"},
                                                  {"vram", "memory"}},
                                  .bytes_max = kConfigBytesMax,
                                  .unknown_key_hint = "see docs/worker-toml.md"};
  FM_TRY(config::read_settings(text, form, [&](SettingsTable& table) { read_config(table, directory, config); }));
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
