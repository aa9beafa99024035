// The worker's side of the check of a program's output (wire/media.proto): what framemill-media is asked, and what it
// answers. The answer comes from a process that opened hostile files: it is taken as hints, and every number in it is
// compared with what was asked. Called on I/O threads; holds no state.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jobs/ids.h"
#include "worker/supervisor/command_line.h"
#include "worker/supervisor/root_directory.h"

namespace framemill::wire {
class Grant;
class InputFile;
}  // namespace framemill::wire

namespace framemill::worker {

inline constexpr const char* kCheckRequestName = "check.bin";  // in the staging directory
inline constexpr const char* kCheckReplyName = "check.reply";

enum class CheckScope { Outputs, InputsOnly };

// Whether any of the files is to be found good before it is committed.
bool needs_check(const wire::Grant& grant, const std::vector<ExpectedFile>& expected);
// Whether any is to be opened at all: EXR and PNG files of a layer with check = "none" get their header and their
// samples digest where they can be read, and are committed as they are where not.
bool is_opened(const wire::Grant& grant, const std::vector<ExpectedFile>& expected);
// Errors: storage_full, storage_failed.
base::Status write_check_request(const RootDirectory& root, const wire::Grant& grant,
                                 const std::vector<ExpectedFile>& expected, const std::vector<wire::InputFile>& read,
                                 CheckScope scope);

struct CheckVerdict {
  std::optional<base::Error> error;  // output.*
  std::string samples_sha256;        // raw; empty where there are none
};
struct CheckAnswer {
  std::map<std::size_t, CheckVerdict> files;  // by index into `expected`
  bool only_these = false;                    // files without a verdict are left out, and errors are not told
  std::optional<base::Error> input_error;     // input.unreadable
  std::int32_t input_frame = 0;
  std::vector<std::pair<std::int32_t, std::string>> odd;  // published frames that differ from most, and how
};
// Errors: output.unchecked (no answer, or one that makes no sense).
base::Result<CheckAnswer> read_check_answer(const RootDirectory& root, const wire::Grant& grant,
                                            std::size_t expected_files);

}  // namespace framemill::worker
