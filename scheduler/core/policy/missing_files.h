// The files that a task waits for and nobody has seen, for people and for the moment when waiting ends. Reads only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// How long a task of the phase may wait for files alone, counted only while somebody can look.
base::Duration missing_after(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase);

// The first file that the task waits for, for people; nothing when all were seen.
struct MissingFile {
  std::string root, path;
  jobs::Frame frame = 0;
  bool numbered = true;     // false: one file for all frames
  std::uint64_t files = 0;  // of the task, this one included
  bool waits = false;       // the task waits for nothing else, and the next two count
  base::WallTime since;
  base::Duration left;  // until it fails
  bool asked = false;   // a worker that could run the task is to look; without one the lack of a worker is the cause
  std::string problem;  // why the time does not count; empty: it does
};
std::optional<MissingFile> missing_file(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase,
                                        TaskIndex task);
std::string name_of(const MissingFile& missing);  // "main:in/a.1003.exr (frame 1003)"
std::string text_of(const MissingFile& missing, base::WallTime now);

// "90 s", "10 min", "3 h", for people.
std::string duration_text(base::Duration time);

}  // namespace framemill::scheduler
