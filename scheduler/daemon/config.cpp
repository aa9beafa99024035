#include "scheduler/daemon/config.h"

#include <fmt/format.h>

#include <charconv>

#include "base/file.h"
#include "config/settings.h"

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

void read_http_limits(SettingsTable& table, HttpLimitsConfig& limits) {
  struct Limit {
    const char* key;
    std::uint32_t& value;
    std::int64_t least, most;
  };
  for (const Limit& limit :
       {Limit{"connections", limits.connections, 16, 65'536},
        Limit{"connections_per_address", limits.connections_per_address, 4, 65'536},
        Limit{"connections_per_token", limits.connections_per_token, 4, 65'536},
        Limit{"requests_at_once_per_token", limits.requests_at_once_per_token, 1, 1'024},
        Limit{"requests_per_second_per_token", limits.requests_per_second_per_token, 1, 100'000},
        Limit{"requests_per_second_per_address", limits.requests_per_second_per_address, 1, 100'000}})
    if (const auto value = table.integer(limit.key, limit.least, limit.most))
      limit.value = static_cast<std::uint32_t>(*value);
}

void read_config(SettingsTable& table, const std::filesystem::path& directory, SchedulerConfig& config) {
  table.require("data_directory", "the job store's directory, on a local disk");
  table.require("key_file", "the scheduler's key: framemill keys curve scheduler.key");
  table.require("workers_file", "the file of the workers' public keys");
  table.require("tokens_file", "tokens.toml: framemill keys token");
  table.text("listen_http", config.listen_http);
  read_listen_workers(table, config.listen_workers);
  table.flag("allow_remote", config.allow_remote);
  table.path("data_directory", config.data_directory, directory);
  table.path("key_file", config.key_file, directory);
  table.path("workers_file", config.workers_file, directory);
  table.path("tokens_file", config.tokens_file, directory);
  table.paths("models", config.models, directory);
  table.duration("lease_ttl", config.lease_ttl, base::seconds(5), base::seconds(3600));
  table.duration("missing_after", config.missing_after, base::seconds(1), base::seconds(30 * 24 * 3600));
  table.duration("progress_timeout", config.progress_timeout, base::seconds(60), base::seconds(30 * 24 * 3600));
  // Idle workers report every 5 s.
  table.duration("silence_alarm", config.silence_alarm, base::seconds(10), base::seconds(600));
  table.entries("roots",
                [&](SettingsTable& roots, const std::string& name) { read_root(roots, name, directory, config); });
  table.table("http_limits", [&](SettingsTable& limits) { read_http_limits(limits, config.http_limits); });
}

}  // namespace

Result<SchedulerConfig> parse_scheduler_config(std::string_view text, const std::filesystem::path& directory) {
  SchedulerConfig config;
  const config::SettingsForm form{.bytes_max = kConfigBytesMax, .unknown_key_hint = "see configs/scheduler.toml"};
  FM_TRY(config::read_settings(text, form, [&](SettingsTable& table) { read_config(table, directory, config); }));
  return config;
}

Result<SchedulerConfig> read_scheduler_config(const std::filesystem::path& path) {
  auto text = base::read_file(path, kConfigBytesMax);
  if (!text.ok()) return Error{"config.read", text.error().message, "", "name the file with --config"};
  auto config = parse_scheduler_config(*text, std::filesystem::absolute(path).parent_path());
  if (!config.ok()) return config.error().wrapped(path.string());
  return config;
}

}  // namespace framemill::scheduler
