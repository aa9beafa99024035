// Staging directories that another user's program writes: opened to it by an access control list whose default entries
// open what it makes to the worker in turn (a group with write permission where the file system has no lists), and the
// files it made taken over by the worker, so that they can be linked (fs.protected_hardlinks) and no later program of
// that user can change them. Called on I/O threads.
//
// Errors: storage_full, storage_failed.
#pragma once

#include "base/result.h"
#include "worker/supervisor/confinement.h"
#include "worker/supervisor/root_directory.h"

namespace framemill::worker {

// The attempt's directory and those in it.
base::Status share_staging(const RootDirectory& root, const std::string& staging, const JobUser& user);

// A file of this process's user gets the modes that its umask gives, whatever the program that wrote it chose (temporary
// files of many programs are private). A file that has other names is left as it is: it may not be the program's own.
void settle_output_modes(int fd);

// `staged` belongs to this process's user afterwards: by a change of owner where that is allowed, else as a copy.
base::Status take_over_file(const RootDirectory& root, const std::string& staged);

// In a process of the other user, after its program has ended: what it made can be read, written and removed by those
// whom the directory was shared with, whatever modes the program chose. Links are not followed.
void open_up_tree(const std::string& directory);

}  // namespace framemill::worker
