// The staging area of a root: `.framemill/attempts/<attempt>/` per attempt, with
//   attempt.bin      the wire.Grant it works by
//   owner            the public key of the worker that made it: only that worker delivers or sweeps it
//   <task>.done      the wire.FinishedTask of a finished task, so that a restarted worker can deliver it
// and whatever the attempt writes. Called on the worker's I/O threads; holds no state of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "jobs/ids.h"
#include "worker/supervisor/landlock.h"
#include "worker/supervisor/root_directory.h"

namespace framemill::wire {
class FinishedTask;
class Grant;
}  // namespace framemill::wire

namespace framemill::worker {

inline constexpr std::string_view kFarmDirectory = ".framemill";  // what the farm keeps for itself in a root
inline constexpr std::string_view kAttemptsPath = ".framemill/attempts";
inline constexpr std::string_view kLatentsPath = ".framemill/latents";
inline constexpr std::string_view kManifestsPath = ".framemill/manifests";  // see manifest_writer.h
inline constexpr std::string_view kPreviewsPath = ".framemill/previews";    // see worker/media/previews.h

jobs::AttemptId attempt_of(const wire::Grant& grant);
std::string staging_path(const jobs::AttemptId& attempt);  // inside the root
inline constexpr std::string_view kTemporaryName = "tmp";  // in an attempt's directory: TMPDIR and HOME of its program

// Directories by name and identity, for programs that may write there (confinement.h).
base::Result<Tree> attempts_tree(const RootDirectory& root, MakeDirectories make);
base::Result<Tree> previews_tree(const RootDirectory& root, MakeDirectories make);
base::Result<Tree> staging_tree(const RootDirectory& root, const jobs::AttemptId& attempt);

// What keeps the staging area from being opened, a link in its way for one, is the storage's condition on this host and
// no task's fault: the error as storage_failed. Others are left as they are.
base::Error as_storage_failure(base::Error error);

// Makes the directory, durably. An attempt's directory exists once: a second call for it is an error.
base::Status prepare_staging(const RootDirectory& root, const jobs::AttemptId& attempt, const wire::Grant& grant,
                             std::string_view owner);

// Whether the directory of the grant's outputs can be reached: refused before work begins where a link on the way leads
// out of every root. Errors: output.link.
base::Status check_output_directory(const RootDirectory& root, const wire::Grant& grant);

// For tasks that the worker finishes itself (an executor writes its own): the files are synced already.
base::Status write_done(const RootDirectory& root, const jobs::AttemptId& attempt, const wire::FinishedTask& task);

// The task was taken back from the attempt: nobody delivers or publishes what was made of it, and its files go with the
// directory. Ok also where nothing of it is there.
base::Status drop_done(const RootDirectory& root, const jobs::AttemptId& attempt, jobs::TaskIndex task);

// Removes the whole directory.
base::Status sweep_staging(const RootDirectory& root, const jobs::AttemptId& attempt);
// Whether nothing in it is needed: it is this worker's, and no finished task's file waits for its final name. True also where it is not there.
base::Result<bool> is_published(const RootDirectory& root, const jobs::AttemptId& attempt, std::string_view owner);
// Removes it then. True: it is gone.
base::Result<bool> sweep_if_published(const RootDirectory& root, const jobs::AttemptId& attempt,
                                      std::string_view owner);

struct FoundAttempt {
  jobs::AttemptId attempt;
  std::vector<wire::FinishedTask> finished;
};
// What an earlier run of this owner left: at most attempts_max directories; broken .done files are passed over.
base::Result<std::vector<FoundAttempt>> find_left_attempts(const RootDirectory& root, std::string_view owner,
                                                           std::size_t attempts_max);

// A finished job's latents, what was kept for its manifests, and what its attempts of this owner left.
base::Status discard_job(const RootDirectory& root, std::uint32_t job, std::string_view owner);

// Removes the previews of jobs to which none was added since; how many jobs.
base::Result<std::size_t> remove_old_previews(const RootDirectory& root, base::WallTime since);

}  // namespace framemill::worker
