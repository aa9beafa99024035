// What a child process of the worker may touch, and the child's own part in it: a plan made by the worker, handed over
// in a memory file, and carried out in the child before it executes the program. From then on, for everything that it
// starts: no new privileges, no capabilities, no descriptor but its own; Landlock; where the kernel allows one a
// read-only view of the file system; another user where worker.toml names one.
//
// Errors: confinement.failed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/supervisor/landlock.h"

namespace framemill::worker {

struct JobUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  bool operator==(const JobUser&) const = default;
};

struct Confinement {
  bool landlock = true;
  bool mount_view = false;
  std::optional<JobUser> user;
  AccessRules access;
};

// What this kernel and this process's privileges give. Probed once, before threads are started.
struct ConfinementSupport {
  int landlock_abi = 0;
  bool mount_view = false;
};
ConfinementSupport probe_confinement();

// Whether a program cannot change anything outside the trees it may write: contents and names by Landlock; modes, owners
// and times by the view, or because the files belong to another user.
bool can_confine(const ConfinementSupport& support, bool other_user);
// What holds, for people: "Landlock 7, read-only view". `other_user`: the name of [confinement] user, or empty.
std::string describe(const ConfinementSupport& support, const std::string& other_user);

// Whether this process may start programs as another user and end them.
base::Status may_run_as(const JobUser& user);

// Trees that programs of the system live in, for AccessRules.read; /proc and /sys among them.
std::vector<std::string> system_trees();
// Files of the system that no program needs and some users could read, for AccessRules.hidden.
std::vector<std::string> system_secrets();

// A descriptor that a child inherits as kConfinementDescriptor.
base::Result<UniqueFd> hand_over(const Confinement& confinement);
inline constexpr int kConfinementDescriptor = 4;

// In the child: reads what hand_over() wrote from kConfinementDescriptor and closes it.
base::Result<Confinement> take_over_confinement();
// Carries it out for the calling process, which has one thread and will execute a program next. The working directory
// stays the one it was by name.
base::Status confine(const Confinement& confinement);

}  // namespace framemill::worker
