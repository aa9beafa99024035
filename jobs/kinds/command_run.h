// What one run of a command's program is given, by the tokens in its arguments. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "jobs/plan.h"
#include "jobs/spec.h"

namespace framemill::jobs {

// Whether an argument after the program has the token.
bool uses_token(const CommandSpec& command, std::string_view token);

// What one run of the program is given. Frame: the files of one frame, by their paths. Chunk: several frames by printf
// patterns; the argv may then need them to be neighbours ({chunk_first}, {chunk_last}), or evenly spaced ({step}).
struct CommandRun {
  bool paths = false;
  enum class Spacing : std::uint8_t { Any, Even, Neighbours } spacing = Spacing::Any;
};
CommandRun command_run(const LayerSpec& layer, const CommandSpec& command);

// How many tasks from `first` on, at most `count`, one run of a command's phase may take.
std::uint32_t tasks_in_one_run(const PhasePlan& phase, CommandRun::Spacing spacing, TaskIndex first,
                               std::uint32_t count);

}  // namespace framemill::jobs
