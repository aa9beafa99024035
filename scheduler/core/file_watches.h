// Looking for files of roots costs no slot: workers that could run the layer are asked to look outside their slots, and
// a task that reads such files becomes ready when they were seen. One that waits for nothing else for `missing_after`,
// counted only while somebody could look, fails and names the file; a sheet is drawn without it instead.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scheduler/core/effects.h"
#include "scheduler/core/root_files.h"

namespace framemill::scheduler {

struct FarmState;
struct JobEntry;
struct PhaseEntry;
struct WorkerEntry;

inline constexpr std::size_t kWatchBytesMax = 256 << 10;  // of one worker's list, about

struct FileWatches {
  std::set<PhaseId> waiting;  // phases with tasks that wait for files alone
  std::set<PhaseId> stale;    // their waits are derived again at the end of the turn
  struct List {
    std::vector<WatchedFiles> files;
    base::Instant sent{INT64_MIN};
  };
  std::map<WorkerId, List> lists;  // as last sent
  base::Instant next_look = base::kNever;
  bool wanted = false;  // look at the end of this turn, whatever the time
};

// After a change of its tasks or files.
void note_file_waits(FarmState& farm);
// At the end of a turn: who looks for what, how long it has been missing, and what fails for it.
void look_after_files(FarmState& farm);
void on_files_looked_for(FarmState& farm, const WorkerEntry& worker, const FilesLookedFor& looked);
// An attempt did not find what another worker had seen: the task's files must be seen again.
void forget_files(FarmState& farm, PhaseEntry& phase, TaskIndex task);
// After a restart: a task that had become ready was given to workers only when its files were there.
void recall_files(JobEntry& job);

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
std::string text_of(const MissingFile& missing, base::WallTime now);

// "90 s", "10 min", "3 h", for people.
std::string duration_text(base::Duration time);

}  // namespace framemill::scheduler
