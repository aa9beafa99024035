// A view of the file system of a process's own in which everything is read-only but the trees that are named: what
// Landlock leaves open (modes, owners, times and attributes of files that can be read) is closed here. By a mount
// namespace, and a user namespace around it where the process has no privilege for the former. System V messages and
// semaphores and /dev/shm are its own as well. Called in a child of one thread before it executes.
//
// Errors: confinement.failed.
#pragma once

#include <vector>

#include "base/result.h"
#include "worker/supervisor/landlock.h"

namespace framemill::worker {

enum class Namespaces { Mounts, UsersAndMounts };
// Mounts alone wants privilege; with a user namespace the process keeps its user and group.
base::Status enter_namespaces(Namespaces kind);
base::Status make_read_only_view(const std::vector<Tree>& write);

// Whether a child of this process can have one: tried in a process that ends at once.
bool mount_view_works();

}  // namespace framemill::worker
