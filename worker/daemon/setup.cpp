// From the configuration to everything the daemon needs before its loop starts.
#include <fmt/format.h>
#include <grp.h>
#include <unistd.h>

#include <array>

#include "worker/daemon/daemon.h"

namespace framemill::worker {
namespace {

using base::Error;
using base::Result;

Result<std::optional<gid_t>> find_group(const std::string& name) {
  if (name.empty()) return std::optional<gid_t>{};
  struct group entry {};
  struct group* found = nullptr;
  std::array<char, 16384> buffer{};
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return Error{"config.out_of_range", fmt::format("group: this host has no group {}", name), "group", ""};
  return std::optional<gid_t>(entry.gr_gid);
}

Result<std::filesystem::path> find_program(const std::filesystem::path& configured, const std::filesystem::path& beside,
                                           const char* key) {
  if (configured.empty()) return beside;
  if (::access(configured.c_str(), X_OK) == 0) return configured;
  return Error{"config.program", fmt::format("{}: {} cannot be executed", key, configured.string()), key, ""};
}

}  // namespace

Result<DaemonSetup> make_setup(WorkerConfig config) {
  DaemonSetup setup;
  std::error_code error;
  setup.own_program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path beside = setup.own_program.parent_path();
  FM_ASSIGN(setup.executor, find_program(config.executor, beside / "framemill-executor", "executor"));
  FM_ASSIGN(setup.media, find_program(config.media, beside / "framemill-media", "media"));
  if (::access(setup.executor.c_str(), X_OK) != 0)
    return Error{"config.program", fmt::format("{} cannot be executed", setup.executor.string()), "executor",
                 "install it beside framemill-worker, or set executor in worker.toml"};
  for (const auto& [name, program] : config.commands)
    if (::access(program.c_str(), X_OK) != 0)
      return Error{"config.program", fmt::format("commands.{}: {} cannot be executed", name, program),
                   "commands." + name, ""};
  FM_ASSIGN(setup.group, find_group(config.group));
  FM_ASSIGN(setup.keys, net::read_key_pair(config.key_file));
  FM_ASSIGN(setup.scheduler_key, net::read_public_key(config.scheduler_key_file));
  FM_ASSIGN(const HostFacts facts, look_at_host());
  FM_ASSIGN(setup.host, plan_host(config, facts));
  setup.config = std::move(config);
  return setup;
}

}  // namespace framemill::worker
