// From the configuration to everything the daemon needs before its loop starts.
#include "worker/daemon/setup.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

namespace framemill::worker {
namespace {

using base::Error;
using base::Result;

Result<std::optional<gid_t>> find_group(const std::string& name) {
  if (name.empty()) return std::optional<gid_t>{};
  struct group entry{};
  struct group* found = nullptr;
  std::array<char, 16384> buffer{};
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return Error{"config.out_of_range", fmt::format("group: this host has no group {}", name), "group", ""};
  return std::optional<gid_t>(entry.gr_gid);
}

Result<std::optional<JobUser>> find_user(const std::string& name) {
  if (name.empty()) return std::optional<JobUser>{};
  struct passwd entry{};
  struct passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return Error{"config.out_of_range", fmt::format("confinement.user: this host has no user {}", name),
                 "confinement.user", ""};
  if (entry.pw_uid == 0 || entry.pw_uid == ::geteuid())
    return Error{"config.out_of_range",
                 fmt::format("confinement.user: {} must be another user than root and the worker's own", name),
                 "confinement.user", ""};
  return std::optional<JobUser>(JobUser{name, entry.pw_uid, entry.pw_gid});
}

// Files that nobody but the daemons may read. The directory of the configuration as a whole, unless programs are
// installed in it; its files then.
std::vector<std::string> find_secrets(const WorkerConfig& config, const std::vector<std::string>& programs) {
  std::vector<std::string> secrets{config.key_file, config.scheduler_key_file, "/var/lib/framemill"};
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) secrets.emplace_back(credentials);
  const auto holds = [&](const std::string& program) {
    return std::filesystem::path(program).lexically_relative(config.directory).string().starts_with("..") == false;
  };
  std::error_code ignored;
  if (std::none_of(programs.begin(), programs.end(), holds)) {
    secrets.push_back(config.directory);
    return secrets;
  }
  for (const auto& entry : std::filesystem::directory_iterator(config.directory, ignored)) {
    const std::string file = entry.path();
    if (entry.is_regular_file(ignored) && std::find(programs.begin(), programs.end(), file) == programs.end())
      secrets.push_back(file);
  }
  return secrets;
}

// What the worker finds programs in is the system for its commands, too: the directories of PATH, and where one is the
// bin of an installation the whole of that. Nobody's home directory is.
std::vector<std::string> trees_on_path() {
  std::vector<std::string> trees;
  const char* path = std::getenv("PATH");
  const char* home = std::getenv("HOME");
  std::stringstream entries(path != nullptr ? path : "");
  for (std::string entry; std::getline(entries, entry, ':');) {
    std::filesystem::path tree = std::filesystem::path(entry).lexically_normal();
    if (!tree.is_absolute() || tree == "/") continue;
    const std::filesystem::path above = tree.parent_path();
    const bool is_home = above == "/" || above == "/root" || above.parent_path() == "/home" ||
                         above.filename() == ".local" || (home != nullptr && above == home);
    trees.push_back(tree.filename() == "bin" && !is_home ? above : tree);
  }
  return trees;
}

Result<AccessPolicy> make_policy(const WorkerConfig& config, std::vector<std::string> own_programs) {
  AccessPolicy policy;
  policy.mode = config.confinement.mode == "off"           ? ConfinementMode::Off
                : config.confinement.mode == "best_effort" ? ConfinementMode::BestEffort
                                                           : ConfinementMode::Required;
  FM_ASSIGN(policy.user, find_user(config.confinement.user));
  if (policy.user && policy.mode == ConfinementMode::Off)
    return Error{"config.out_of_range", "confinement.user wants a mode other than \"off\"", "confinement.user", ""};
  if (policy.user)
    if (const auto may = may_run_as(*policy.user); !may.ok())
      return Error{"config.out_of_range", "confinement.user: " + may.error().message, "confinement.user",
                   may.error().hint};
  if (policy.mode != ConfinementMode::Off) policy.support = probe_confinement();
  policy.read = trees_on_path();
  for (const auto& path : config.confinement.read) policy.read.push_back(path);
  for (const auto& path : config.confinement.write) policy.write.push_back(path);
  for (const auto& path : config.models) policy.models.push_back(path);
  policy.hidden = find_secrets(config, own_programs);
  policy.programs = std::move(own_programs);
  for (const auto& [name, program] : config.commands) policy.programs.push_back(program);
  return policy;
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
  if (const auto check = beside / "framemill-check"; ::access(check.c_str(), X_OK) == 0) setup.check = check;
  if (::access(setup.executor.c_str(), X_OK) != 0)
    return Error{"config.program", fmt::format("{} cannot be executed", setup.executor.string()), "executor",
                 "install it beside framemill-worker, or set executor in worker.toml"};
  for (const auto& [name, program] : config.commands)
    if (::access(program.c_str(), X_OK) != 0)
      return Error{"config.program", fmt::format("commands.{}: {} cannot be executed", name, program),
                   "commands." + name, ""};
  std::vector<std::string> programs{setup.own_program, setup.executor, setup.media};
  if (!setup.check.empty()) programs.push_back(setup.check);
  // While this process has one thread: it tries in children what the kernel allows.
  FM_ASSIGN(setup.access, make_policy(config, std::move(programs)));
  FM_ASSIGN(setup.group, find_group(config.group));
  FM_ASSIGN(setup.keys, net::read_key_pair(config.key_file));
  FM_ASSIGN(setup.scheduler_key, net::read_public_key(config.scheduler_key_file));
  FM_ASSIGN(const HostFacts facts, look_at_host());
  FM_ASSIGN(setup.host, plan_host(config, facts));
  setup.config = std::move(config);
  return setup;
}

}  // namespace framemill::worker
