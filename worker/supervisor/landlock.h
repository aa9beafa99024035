// Landlock: a process gives up what it does not need of the file system, for itself and all that it starts, for ever
// (linux/landlock.h, Documentation/userspace-api/landlock.rst). Allow-lists of trees alone exist in the kernel; what is
// hidden inside an allowed tree is left out by allowing its neighbours. Called in a child before it executes.
//
// Errors: confinement.failed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/supervisor/unique_fd.h"

namespace framemill::worker {

// The kernel's level of Landlock; 0: none. 1 reads and writes (Linux 5.13), 2 links across directories (5.19), 3
// truncation (6.2), 6 signals to processes outside (6.12).
int landlock_abi();
inline constexpr int kLandlockAbiTruncation = 3;
inline constexpr int kLandlockAbiSignals = 6;

// A directory by its name and, where the worker holds a handle of it, by what it is: a name can be exchanged meanwhile.
struct Tree {
  std::string path;                     // absolute
  std::uint64_t device = 0, inode = 0;  // 0: whatever the name leads to
  bool operator==(const Tree&) const = default;
};
// O_PATH. Errors also when it is another directory than `tree` says.
base::Result<UniqueFd> open_tree_handle(const Tree& tree);

struct AccessRules {
  int level = 0;                    // of Landlock, as probed at the start; 0, or more than the kernel has: the kernel's
  std::vector<std::string> read;    // absolute: files, or trees that may be listed, read and executed
  std::vector<Tree> write;          // trees that may be changed as well; they must exist
  std::vector<std::string> hidden;  // absolute: left out of the trees of `read` that hold them; what `read` or `write`
                                    // name inside of one is allowed
};

// Beside what the rules name: /dev/null and its like, terminals and GPUs can be used; no other device.
base::Status restrict_by_landlock(const AccessRules& rules);

}  // namespace framemill::worker
