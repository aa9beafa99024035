// The argument vector of a `command` layer with its tokens replaced, and the files that must exist afterwards. Pure
// values: nothing is run and no file is touched here. Never a shell: one array element stays one argument.
//
// Errors: command.not_listed, command.bad_token, command.input_ambiguous, command.chunk, command.bad_frames,
// command.too_long.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jobs/ids.h"

namespace framemill::wire {
class Grant;
}

namespace framemill::worker {

inline constexpr std::string_view kInputDirectory = "in";    // inside the staging directory: links to the inputs
inline constexpr std::string_view kOutputDirectory = "out";  // where the command writes

struct ExpectedFile {
  jobs::TaskIndex task = 0;
  std::int32_t frame = 0;
  bool has_frame = false;
  std::string staged;  // inside the staging directory
  std::string path;    // final, inside the root
};
struct InputLink {
  std::string name;  // inside kInputDirectory
  int input = 0;     // index into the grant's inputs
};
struct CommandPlan {
  std::vector<std::string> argv;  // argv[0] is the configured path
  std::vector<InputLink> links;
  std::vector<ExpectedFile> expected;
};

// `commands`: what [commands] of worker.toml allows, name -> absolute path. `staging`: absolute.
base::Result<CommandPlan> plan_command(const wire::Grant& grant, const jobs::TaskRange& tasks,
                                       const std::map<std::string, std::string>& commands, const std::string& staging);

// The files of an encode or sheet phase: one per task.
base::Result<std::vector<ExpectedFile>> plan_media_files(const wire::Grant& grant, const jobs::TaskRange& tasks);

}  // namespace framemill::worker
