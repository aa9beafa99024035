// Files of roots that a phase's tasks read, made by nobody in the farm: which frames each task wants, and which of them a
// worker has seen. Derived state, kept in the phase's entry: a restart looks again, and only how long tasks have waited is
// on record. Pure; the core's thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

struct RootFiles : jobs::RootFiles {  // of one input, as the plan has it
  std::vector<bool> there;            // by index into `frames`
  std::int64_t missing = 0;           // how many of them are not
  jobs::FrameSet awaited;             // of these, what tasks that wait for nothing else read; as many as one list takes

  // Who looks for them, and what it last said.
  WorkerId looker;
  base::Instant asked_at{}, answered_at{};
  bool answered = false;  // by that looker
  bool readable = false;  // it sees the root's marker and could read the directories
  std::string problem;    // why not
};

// Tasks that wait for files of roots and for nothing else, since one and the same moment.
struct FileWait {
  std::uint32_t tasks = 0;
  base::Duration since;  // reading of PhaseFiles::clock
  base::WallTime wall_since;
};

struct PhaseFiles {
  std::vector<RootFiles> inputs;        // empty: the phase reads no root
  std::map<TaskIndex, FileWait> waits;  // by their first task; derived at the end of each turn
  std::uint64_t awaited = 0;            // tasks in them
  base::Duration clock{};               // how long somebody has been looking where all of it was readable
  base::Instant clock_read{};           // when the clock was last moved on
  FileWaits kept;                       // what is on record of it
};

std::vector<RootFiles> unseen_files_of(const jobs::PhasePlan& phase);

// The first frame of the input that the task reads and nobody has seen.
std::optional<jobs::Frame> first_unseen(const RootFiles& files, const jobs::PhasePlan& phase, TaskIndex task);

// Parts of `tasks` that wait for a file of any input, ascending.
std::vector<TaskRange> held_by_files(const PhaseFiles& files, const jobs::PhasePlan& phase, TaskRange tasks);

// Whether a frame's state changed. Frames that are not read are passed over.
bool mark_file(RootFiles& files, jobs::Frame frame, bool is_there);

}  // namespace framemill::scheduler
