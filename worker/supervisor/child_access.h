// What each kind of child may touch, from worker.toml and from what the kernel gives. Everybody reads the system. Beside
// it a command reads the programs that [commands] lists, the trees that [confinement] read names, and the roots; the
// farm's own programs read everything but the daemons' configuration, keys and store. A child writes its attempt's
// staging directory (an executor those of all attempts) and, if a command, what [confinement] write names. Nobody reads
// other attempts' staging but an executor.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jobs/command_confinement.h"
#include "worker/supervisor/child_work.h"
#include "worker/supervisor/confinement.h"

namespace framemill::worker {

enum class ConfinementMode {
  Required,    // commands are refused where they cannot be confined
  BestEffort,  // as far as the kernel can
  Off
};

struct AccessPolicy {
  ConfinementMode mode = ConfinementMode::Off;
  ConfinementSupport support;
  std::optional<JobUser> user;           // of commands
  std::vector<std::string> read, write;  // of commands, from [confinement]
  std::vector<std::string> hidden;       // configuration, keys, store
  std::vector<std::string> models;
  std::vector<std::string> programs;  // everything that may be executed: [commands] and the farm's own
};

jobs::CommandConfinement command_confinement(const AccessPolicy& policy);
bool refuses_commands(const AccessPolicy& policy);
// For people: what this host's kernel and configuration can enforce; empty where commands run unconfined.
std::string describe(const AccessPolicy& policy);

// None: the child is not confined. `staging`: the attempt's directory; `attempts`: those that hold the staging
// directories of all attempts, one in each root.
std::optional<Confinement> command_confinement(const AccessPolicy& policy, const RootTable& roots, const Tree& staging);
std::optional<Confinement> media_confinement(const AccessPolicy& policy, const RootTable& roots, const Tree& staging);
// `previews`: the directories of previews, one in each root.
std::optional<Confinement> preview_confinement(const AccessPolicy& policy, const RootTable& roots,
                                               const std::vector<Tree>& previews);
std::optional<Confinement> executor_confinement(const AccessPolicy& policy, const RootTable& roots,
                                                const std::vector<Tree>& attempts);

}  // namespace framemill::worker
