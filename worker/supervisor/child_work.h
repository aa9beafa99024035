// The storage side of a command, encode or sheet attempt, for an I/O thread: looking at the inputs before it runs, and
// at what it wrote afterwards. Holds no state.
//
// Errors: input_not_visible (retry for a while), command.missing_output, storage_full, storage_failed, path.*.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wire/farm.pb.h"
#include "worker/supervisor/command_line.h"
#include "worker/supervisor/landlock.h"
#include "worker/supervisor/output_check.h"
#include "worker/supervisor/root_directory.h"

namespace framemill::worker {

using RootTable = std::map<std::string, std::shared_ptr<const RootDirectory>>;

// All inputs of the tasks, sizes and digests filled in and equal to what the grant promised; or the first that is not.
// A sheet goes without files of roots that are not there: it shows what is missing.
struct CheckedInputs {
  std::vector<wire::InputFile> files;
  struct Failed {
    base::Error error;  // input_not_visible, input.link, input.unreadable, storage_failed
    wire::InputFile input;
    bool is_promised() const;  // made by the farm: it will be visible here soon
  };
  std::optional<Failed> failed;
};
CheckedInputs check_inputs(const RootTable& roots, const wire::Grant& grant, const jobs::TaskRange& tasks);

// Directories for inputs, outputs and temporary files, and the links to the inputs. The attempt's own directory.
base::Result<Tree> make_work_directories(const RootTable& roots, const wire::Grant& grant, const CommandPlan& plan);

// A root with less room than this is full: a program that ran out of room, and took away what it had begun, leaves no
// other trace.
inline constexpr std::uint64_t kRoomMin = 64ull << 20;

// Whether the storage of the attempt has room for kRoomMin, by its own account and by its quotas, and takes a file of 1
// MiB now. Asked after a program has failed: one that could not write says so in its own words, if at all.
base::Status probe_storage(const RootDirectory& root, const wire::Grant& grant);

// Files that a program wrote as another user become the worker's.
void take_over_outputs(const RootDirectory& root, const wire::Grant& grant, const std::vector<ExpectedFile>& expected);

// Puts the bytes in place of outputs that are links inside the roots. What cannot be settled is collect_outputs' to say.
void settle_links(const RootDirectory& root, const wire::Grant& grant, const std::vector<ExpectedFile>& expected);

struct CollectError {
  base::Error error;
  bool has_frame = false;
  std::int32_t frame = 0;
  bool has_task = false;  // else it speaks of the whole attempt
  jobs::TaskIndex task = 0;
};
// Syncs and digests the expected files, and leaves a .done file per task. The tasks whose files are all there and as
// they should be, and what is wrong with the others, by task.
struct Collected {
  std::vector<wire::FinishedTask> finished;
  std::vector<CollectError> errors;
};
Collected collect_outputs(const RootDirectory& root, const wire::Grant& grant,
                          const std::vector<ExpectedFile>& expected, const std::vector<wire::InputFile>& read,
                          std::uint64_t duration_us, const CheckAnswer& answer);

// Of a chunk whose program failed: the tasks whose files are all there and not empty. The one whose file was written last
// is not believed, because the program may have been at work on it.
std::vector<wire::FinishedTask> collect_good(const RootDirectory& root, const wire::Grant& grant,
                                             const std::vector<ExpectedFile>& expected,
                                             const std::vector<wire::InputFile>& read, std::uint64_t duration_us);

}  // namespace framemill::worker
