// scheduler.toml: what a sysadmin says. Read once at start; unknown keys are errors with the nearest known one. Paths are
// taken from the directory of the configuration file. See configs/scheduler.toml for every key with its default.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "scheduler/core/state/farm_settings.h"
#include "scheduler/core/state/share_rules.h"

namespace framemill::scheduler {

// Bounds of the HTTP interface ([http_limits]); what is beyond them gets a 429 or a 503.
struct HttpLimitsConfig {
  std::uint32_t connections = 1024;             // of all together
  std::uint32_t connections_per_address = 256;  // that showed no valid token
  std::uint32_t connections_per_token = 128;
  std::uint32_t requests_at_once_per_token = 32;
  std::uint32_t requests_per_second_per_token = 200;
  std::uint32_t requests_per_second_per_address = 20;  // without a valid token
};

struct SchedulerConfig {
  std::filesystem::path file;                  // that it was read from; empty: from a text
  std::string listen_http = "127.0.0.1:8750";  // or "unix:/run/framemill/http.sock"
  std::string listen_workers = "tcp://127.0.0.1:8751";
  std::uint32_t http_socket_mode = 0600;  // of a socket of listen_http
  std::string http_socket_group;          // that may use it, with a mode that says so; empty: the user's own
  bool allow_remote = false;              // without it neither port opens beyond loopback
  HttpLimitsConfig http_limits;
  bool metrics_loopback_without_token = false;         // [metrics]: who may see /metrics
  std::vector<std::string> dashboard_hosts;            // names by which browsers reach the dashboard
  std::filesystem::path data_directory;                // store, ballast
  std::filesystem::path key_file;                      // CURVE key pair, mode 0600
  std::filesystem::path workers_file;                  // public keys of workers that may connect
  std::filesystem::path tokens_file;                   // tokens.toml: principals, roles, digests of tokens
  std::vector<std::filesystem::path> models;           // directories of model packages
  std::map<std::string, std::filesystem::path> roots;  // where this host has them; empty path: not here
  bool previews_enabled = true;                        // [previews]: pages get them from the roots that this host has
  base::Duration lease_ttl = base::seconds(120);
  base::Duration silence_alarm = base::seconds(15);
  base::Duration missing_after = base::seconds(600);      // for input files of roots, where a layer does not say
  base::Duration progress_timeout = base::seconds(1800);  // a lease without progress for so long is taken back
  std::map<std::string, std::string> origins;             // of each key that was set: the file, the last that has it
  std::filesystem::path backup_directory;                 // empty: "backups" in the data directory
  std::uint32_t backups_kept = 14;

  std::filesystem::path database() const { return data_directory / "jobs.db"; }
  std::filesystem::path backups() const {
    return backup_directory.empty() ? data_directory / "backups" : backup_directory;
  }
  // Where root and the scheduler's own user come in without a token: reload, backup, verify.
  std::filesystem::path local_socket() const { return data_directory / "control.sock"; }
  std::uint32_t live_jobs_per_user = 1000;  // [limits]: more jobs of one person are refused
  LimitSettings limits;                     // [limits.tokens], [limits.models], [limits.programs]
  ShareSettings shares;
};

// Errors: config.read, config.syntax, config.unknown_key, config.wrong_type, config.missing_key, config.out_of_range;
// the message holds line and key.
base::Result<SchedulerConfig> parse_scheduler_config(std::string_view text, const std::filesystem::path& directory);
// The file, and then the drop-in files beside it, PATH.d/*.toml by name: a key that stands in several has the value of the
// last one; roots are joined by name.
base::Result<SchedulerConfig> read_scheduler_config(const std::filesystem::path& path);
// Every key with its value and where that is from, one line each, as a file that would set the same.
std::string config_text(const SchedulerConfig& config);
// The keys that differ, by name: "http_limits.connections", "roots.plates".
std::vector<std::string> changed_keys(const SchedulerConfig& before, const SchedulerConfig& after);

}  // namespace framemill::scheduler
