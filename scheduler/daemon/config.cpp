#include "scheduler/daemon/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/file.h"
#include "base/units.h"
#include "config/settings.h"
#include "scheduler/daemon/share_config.h"

namespace framemill::scheduler {
namespace {

using base::Error;
using base::Result;
using config::SettingsTable;

constexpr std::uint64_t kConfigBytesMax = 256 << 10;

// "tcp://127.0.0.1:8485", "tcp://*:8485", "tcp://[::1]:*". Whether the address is this host's is seen when it is opened.
bool is_tcp_endpoint(std::string_view text) {
  constexpr std::string_view kScheme = "tcp://";
  const std::size_t colon = text.rfind(':');
  if (!text.starts_with(kScheme) || colon == std::string_view::npos || colon <= kScheme.size()) return false;
  const std::string_view port = text.substr(colon + 1);
  if (port == "*") return true;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size() && number <= 65535;
}

void read_listen_workers(SettingsTable& table, std::string& out) {
  std::string endpoint = out;
  table.text("listen_workers", endpoint);
  if (is_tcp_endpoint(endpoint))
    out = endpoint;
  else
    table.fail("listen_workers", "out_of_range", fmt::format("\"{}\" is not tcp://ADDRESS:PORT", endpoint),
               "\"tcp://*:8751\" listens on all addresses");
}

// "0660", as chmod takes it.
void read_socket_mode(SettingsTable& table, std::uint32_t& out) {
  std::string text;
  table.text("http_socket_mode", text);
  if (text.empty()) return;
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error == std::errc() && end == text.data() + text.size() && (mode & ~0777u) == 0 && (mode & 0600) == 0600)
    out = mode;
  else
    table.fail("http_socket_mode", "out_of_range", fmt::format("\"{}\" is not the mode of a socket", text),
               "\"0660\": its owner and a group; \"0666\": everybody on this host");
}

void read_root(SettingsTable& roots, const std::string& name, const std::filesystem::path& directory,
               SchedulerConfig& config) {
  if (!roots.is_table(name)) {
    std::string path;
    roots.text(name, path, SettingsTable::Empty::Allowed);
    config.roots[name] = path.empty() ? std::filesystem::path() : directory / path;
    return;
  }
  // As worker.toml has it; the scheduler only ever reads.
  roots.table(name, [&](SettingsTable& root) {
    std::string access;
    root.require("path", "the directory");
    root.path("path", config.roots[name], directory);
    root.word("access", access, {"read", "write"});
  });
}

struct HttpLimit {
  const char* key;
  std::uint32_t& value;
  std::int64_t least, most;
};
std::array<HttpLimit, 6> http_limits_of(HttpLimitsConfig& limits) {
  return {HttpLimit{"connections", limits.connections, 16, 65'536},
          HttpLimit{"connections_per_address", limits.connections_per_address, 4, 65'536},
          HttpLimit{"connections_per_token", limits.connections_per_token, 4, 65'536},
          HttpLimit{"requests_at_once_per_token", limits.requests_at_once_per_token, 1, 1'024},
          HttpLimit{"requests_per_second_per_token", limits.requests_per_second_per_token, 1, 100'000},
          HttpLimit{"requests_per_second_per_address", limits.requests_per_second_per_address, 1, 100'000}};
}

void read_http_limits(SettingsTable& table, HttpLimitsConfig& limits) {
  for (const HttpLimit& limit : http_limits_of(limits))
    if (const auto value = table.integer(limit.key, limit.least, limit.most))
      limit.value = static_cast<std::uint32_t>(*value);
}

void read_count(SettingsTable& table, const std::string& name, std::map<std::string, std::uint32_t>& counts) {
  if (const auto count = table.integer(name, 0, 1'000'000)) counts[name] = static_cast<std::uint32_t>(*count);
}

void read_program_limits(SettingsTable& table, const std::string& program, LimitSettings& limits) {
  std::vector<std::string>& names = limits.programs[program];
  names.clear();
  table.texts(program, names);
  for (const std::string& name : names)
    if (!limits.tokens.contains(name))
      table.fail(program, "unknown_value", fmt::format("\"{}\" has no count", name),
                 "name it under [limits.tokens], with how many there are");
}

void read_limits(SettingsTable& table, const std::string& file, SchedulerConfig& config) {
  const auto note = [&](const std::string& key) { config.origins["limits." + key] = file; };
  if (table.has("live_jobs_per_user")) note("live_jobs_per_user");
  if (const auto value = table.integer("live_jobs_per_user", 1, 10'000))
    config.live_jobs_per_user = static_cast<std::uint32_t>(*value);
  LimitSettings& limits = config.limits;
  table.entries("tokens", [&](SettingsTable& tokens, const std::string& name) {
    note("tokens." + name);
    read_count(tokens, name, limits.tokens);
  });
  // Names of models hold an "@", which names of tokens may not.
  table.table("models", [&](SettingsTable& models) {
    for (const std::string& name : models.keys()) {
      note("models." + name);
      read_count(models, name, limits.models);
      if (name.find('@') == std::string::npos)
        models.fail(name, "bad_name", fmt::format("\"{}\" is not NAME@VERSION", name), "\"big@1\" = 4");
    }
  });
  table.entries("programs", [&](SettingsTable& programs, const std::string& program) {
    note("programs." + program);
    read_program_limits(programs, program, limits);
  });
}

struct NeededKey {
  const char *key, *what;
  std::filesystem::path SchedulerConfig::* value;
};
constexpr NeededKey kNeeded[] = {
    {"data_directory", "the job store's directory, on a local disk", &SchedulerConfig::data_directory},
    {"key_file", "the scheduler's key: framemill keys curve scheduler.key", &SchedulerConfig::key_file},
    {"workers_file", "the file of the workers' public keys", &SchedulerConfig::workers_file},
    {"tokens_file", "tokens.toml: framemill keys token", &SchedulerConfig::tokens_file}};

// Where each key of the file was set. Roots count one by one: files are joined there.
void note_origins(const SettingsTable& table, const std::string& file, SchedulerConfig& config) {
  for (const std::string& key : table.keys())
    if (key != "roots" && key != "http_limits" && key != "limits") config.origins[key] = file;
}

void read_config(SettingsTable& table, const std::filesystem::path& directory, const std::string& file,
                 SchedulerConfig& config) {
  note_origins(table, file, config);
  if (table.has("models")) config.models.clear();
  table.text("listen_http", config.listen_http);
  read_listen_workers(table, config.listen_workers);
  table.flag("allow_remote", config.allow_remote);
  read_socket_mode(table, config.http_socket_mode);
  table.text("http_socket_group", config.http_socket_group);
  table.texts("dashboard_hosts", config.dashboard_hosts);
  table.path("data_directory", config.data_directory, directory);
  table.path("backup_directory", config.backup_directory, directory);
  if (const auto kept = table.integer("backups_kept", 1, 10'000))
    config.backups_kept = static_cast<std::uint32_t>(*kept);
  table.path("key_file", config.key_file, directory);
  table.path("workers_file", config.workers_file, directory);
  table.path("tokens_file", config.tokens_file, directory);
  table.paths("models", config.models, directory);
  table.duration("lease_ttl", config.lease_ttl, base::seconds(5), base::seconds(3600));
  table.duration("missing_after", config.missing_after, base::seconds(1), base::seconds(30 * 24 * 3600));
  table.duration("progress_timeout", config.progress_timeout, base::seconds(60), base::seconds(30 * 24 * 3600));
  // Idle workers report every 5 s.
  table.duration("silence_alarm", config.silence_alarm, base::seconds(10), base::seconds(600));
  table.entries("roots", [&](SettingsTable& roots, const std::string& name) {
    read_root(roots, name, directory, config);
    config.origins["roots." + name] = file;
  });
  table.table("shares", [&](SettingsTable& shares) { read_shares(shares, config.shares); });
  table.table("http_limits", [&](SettingsTable& limits) {
    for (const std::string& key : limits.keys()) config.origins["http_limits." + key] = file;
    read_http_limits(limits, config.http_limits);
  });
  table.table("metrics", [&](SettingsTable& metrics) {
    for (const std::string& key : metrics.keys()) config.origins["metrics." + key] = file;
    metrics.flag("loopback_without_token", config.metrics_loopback_without_token);
  });
  table.table("previews", [&](SettingsTable& previews) {
    for (const std::string& key : previews.keys()) config.origins["previews." + key] = file;
    previews.flag("enabled", config.previews_enabled);
  });
  table.table("limits", [&](SettingsTable& limits) { read_limits(limits, file, config); });
}

// `alone`: no other file follows that could have what is missing.
base::Status take_text(std::string_view text, const std::filesystem::path& directory, const std::string& file,
                       bool alone, SchedulerConfig& config) {
  const config::SettingsForm form{.bytes_max = kConfigBytesMax, .unknown_key_hint = "see configs/scheduler.toml"};
  return config::read_settings(text, form, [&](SettingsTable& table) {
    if (alone)
      for (const NeededKey& needed : kNeeded) table.require(needed.key, needed.what);
    read_config(table, directory, file, config);
  });
}

std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path) += ".d", ignored))
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<SchedulerConfig> parse_scheduler_config(std::string_view text, const std::filesystem::path& directory) {
  SchedulerConfig config;
  FM_TRY(take_text(text, directory, "", true, config));
  return config;
}

Result<SchedulerConfig> read_scheduler_config(const std::filesystem::path& path) {
  const std::filesystem::path directory = std::filesystem::absolute(path).parent_path();
  std::vector<std::filesystem::path> files = drop_ins(path);
  const bool alone = files.empty();
  files.insert(files.begin(), path);
  SchedulerConfig config;
  config.file = path;
  for (const std::filesystem::path& file : files) {
    auto text = base::read_file(file, kConfigBytesMax);
    if (!text.ok()) return Error{"config.read", text.error().message, "", "name the file with --config"};
    const base::Status taken = take_text(*text, directory, file.string(), alone, config);
    if (!taken.ok()) return taken.error().wrapped(file.string());
  }
  for (const NeededKey& needed : kNeeded)
    if ((config.*needed.value).empty())
      return Error{"config.missing_key",
                   fmt::format("{} and {}.d: {} is missing", path.string(), path.string(), needed.key), needed.key,
                   needed.what};
  return config;
}

namespace {

struct ShownKey {
  std::string table, key, value;  // table: "http_limits", "roots"; empty: the root
  std::string name() const { return table.empty() ? key : table + "." + key; }
};

std::string quoted(const std::string& value) {
  return fmt::format("\"{}\"", value);
}

// As TOML writes it: bare where it can be.
std::string key_text(const std::string& key) {
  constexpr std::string_view kBare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return key.empty() || key.find_first_not_of(kBare) != std::string::npos ? quoted(key) : key;
}

// Every key with its value as a file has it, in the order of the sample.
std::vector<ShownKey> shown_keys(const SchedulerConfig& config) {
  std::vector<ShownKey> keys;
  const auto put = [&](const char* key, const std::string& value) { keys.push_back({"", key, value}); };
  put("listen_http", quoted(config.listen_http));
  put("http_socket_mode", fmt::format("\"{:04o}\"", config.http_socket_mode));
  if (!config.http_socket_group.empty()) put("http_socket_group", quoted(config.http_socket_group));
  put("listen_workers", quoted(config.listen_workers));
  put("allow_remote", config.allow_remote ? "true" : "false");
  std::string hosts;
  for (const std::string& host : config.dashboard_hosts) hosts += (hosts.empty() ? "" : ", ") + quoted(host);
  put("dashboard_hosts", "[" + hosts + "]");
  put("data_directory", quoted(config.data_directory.string()));
  put("backup_directory", quoted(config.backups().string()));
  put("backups_kept", fmt::to_string(config.backups_kept));
  put("key_file", quoted(config.key_file.string()));
  put("workers_file", quoted(config.workers_file.string()));
  put("tokens_file", quoted(config.tokens_file.string()));
  std::string models;
  for (const auto& directory : config.models) models += (models.empty() ? "" : ", ") + quoted(directory.string());
  put("models", "[" + models + "]");
  put("lease_ttl", quoted(base::duration_text(config.lease_ttl)));
  put("silence_alarm", quoted(base::duration_text(config.silence_alarm)));
  put("missing_after", quoted(base::duration_text(config.missing_after)));
  put("progress_timeout", quoted(base::duration_text(config.progress_timeout)));
  HttpLimitsConfig limits = config.http_limits;
  for (const HttpLimit& limit : http_limits_of(limits))
    keys.push_back({"http_limits", limit.key, fmt::to_string(limit.value)});
  for (const auto& [table, key, value] : shown_shares(config.shares)) keys.push_back({table, key, value});
  keys.push_back({"limits", "live_jobs_per_user", fmt::to_string(config.live_jobs_per_user)});
  for (const auto& [name, count] : config.limits.tokens) keys.push_back({"limits.tokens", name, fmt::to_string(count)});
  for (const auto& [name, count] : config.limits.models) keys.push_back({"limits.models", name, fmt::to_string(count)});
  for (const auto& [program, names] : config.limits.programs)
    keys.push_back({"limits.programs", program, fmt::format("[\"{}\"]", fmt::join(names, "\", \""))});
  keys.push_back({"metrics", "loopback_without_token", config.metrics_loopback_without_token ? "true" : "false"});
  keys.push_back({"previews", "enabled", config.previews_enabled ? "true" : "false"});
  for (const auto& [name, path] : config.roots) keys.push_back({"roots", name, quoted(path.string())});
  return keys;
}

}  // namespace

std::string config_text(const SchedulerConfig& config) {
  std::string text, table;
  for (const ShownKey& key : shown_keys(config)) {
    if (key.table != table) text += fmt::format("[{}]\n", key.table);
    table = key.table;
    const auto origin = config.origins.find(key.name());
    text += fmt::format("{} = {}  # {}\n", key_text(key.key), key.value,
                        origin == config.origins.end() ? "default" : origin->second);
  }
  return text;
}

std::vector<std::string> changed_keys(const SchedulerConfig& before, const SchedulerConfig& after) {
  std::map<std::string, std::string> values;
  for (const ShownKey& key : shown_keys(before)) values[key.name()] = key.value;
  std::vector<std::string> changed;
  for (const ShownKey& key : shown_keys(after)) {
    const auto known = values.extract(key.name());
    if (!known || known.mapped() != key.value) changed.push_back(key.name());
  }
  for (const auto& [name, value] : values) changed.push_back(name);  // that are not set any more
  return changed;
}

}  // namespace framemill::scheduler
