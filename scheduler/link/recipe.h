// From the core's values to the wire's: the recipe of a phase (everything that decides its pixels), and the inputs that
// tasks of it read. Pure functions over a job's record; files come from the commits of other tasks.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "scheduler/core/state/records.h"
#include "scheduler/core/state/task_states.h"

namespace framemill::wire {
class Grant;
class ManifestOrder;
class OutputFile;
class Recipe;
class Remake;
}  // namespace framemill::wire

namespace framemill::scheduler {

// The recipe with its digest filled in.
void write_recipe(const JobRecord& job, jobs::PhaseIndex phase, wire::Recipe& out);

// Of a phase that waits for the end: says in the recipe which of the frames it shows failed, those whose own task, or the
// task that makes their latents, failed or is quarantined. No part of the recipe's digest: it is what came of the recipes
// of others. `runs_of` gives the states of a phase's tasks. At most kFailedSpansMax spans of frames in all rows; absent
// frames beyond count as missing.
inline constexpr std::size_t kFailedSpansMax = 4'096;
using TaskRuns = std::function<std::vector<StateRun>(PhaseId)>;
void write_failed_frames(const JobRecord& job, jobs::PhaseIndex sheet, const TaskRuns& runs_of, wire::Recipe& recipe);

// One of the job's manifests (jobs/manifest_groups.h): whose kept orders it lists, and what their frames have in common.
void write_manifest_order(const JobRecord& job, std::uint32_t number, const TaskRuns& runs_of,
                          wire::ManifestOrder& out);

void write_file(const FileRecord& file, wire::OutputFile& out);
// What a publish order says of the files that its own take the place of. `first`: the job that published them; null
// when it is no longer in memory.
void write_remake(const JobRecord& remake, const RemakeRecord& remade, const JobRecord* first, wire::Remake& out);

// A range of committed tasks whose files tasks of a grant read.
struct WantedInput {
  PhaseId phase;
  TaskRange tasks;
  TaskIndex reader = 0;        // the task of the grant that reads them
  bool reader_is_all = false;  // every task of the grant reads them
  bool is_context = false;
  jobs::FrameSet frames;    // of their frames only these; empty: all
  std::uint32_t input = 0;  // which of the layer's inputs they are
  bool operator==(const WantedInput&) const = default;
};

// What the tasks of a grant read from other tasks, in reading order. Tasks of the grant's own range are left out: an
// executor has them already.
std::vector<WantedInput> wanted_inputs(const JobRecord& job, jobs::PhaseIndex phase, TaskRange tasks);

struct CommittedFiles {
  AttemptId attempt;  // whose staging directory they were written to
  std::string root;
  std::vector<FileRecord> files;
};
// Adds the files of one wanted task to the grant, as far as the need selects them.
void write_input(const JobRecord& job, const WantedInput& wanted, const CommittedFiles& committed, wire::Grant& out);
// Inputs that come from outside the farm: the files of roots that the tasks read.
void write_root_inputs(const JobRecord& job, jobs::PhaseIndex phase, TaskRange tasks, wire::Grant& out);
// Puts the grant's inputs into the order of the layer's, wherever they come from: a movie shows them in this order.
void order_inputs(wire::Grant& grant);

}  // namespace framemill::scheduler
