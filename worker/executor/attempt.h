// One attempt in the executor: its grant, read and checked, and its tasks on their way from inputs to written files.
// Every task takes the same road: inputs are loaded (a lane), the model call is made (step loop, in batches),
// the files are written (a lane). Owned by the step loop; the threads get values.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "gpu/generator.h"
#include "jobs/lifecycle.h"
#include "jobs/plan.h"
#include "wire/executor.pb.h"
#include "wire/recipe_kind.h"
#include "worker/executor/model_shelf.h"
#include "worker/executor/usage_meter.h"

namespace framemill::worker {

struct Attempt;
class WindowWriter;

// What a task reads, as values.
struct LoadedInputs {
  std::optional<gpu::LatentBlock> latents;  // of the window, or of the window before it (context)
  std::optional<gpu::ImageBlock> pictures;  // context made of frames, in the package's colour space
  std::vector<wire::InputFile> read;        // what was read, digests filled in
};

enum class TaskStage {
  NeedsInputs,  // will be handed to a lane; or, in a chain, waits for the window before
  Loading,
  Ready,     // everything it needs is in memory
  Running,   // has a window in flight
  Decoding,  // has pictures to come; those that came are on their way to files
  Writing,   // nothing is left but files on their way
};

struct TaskInFlight {
  Attempt* attempt = nullptr;
  jobs::TaskIndex task = 0;
  std::uint32_t window = 0;  // of the grid
  TaskStage stage = TaskStage::NeedsInputs;
  LoadedInputs inputs;
  Clock::time_point try_again{};             // for inputs that cannot be seen yet
  std::optional<Clock::time_point> give_up;  // set at the first try
  std::unique_ptr<gpu::Window> flight;       // denoising
  std::unique_ptr<gpu::Decoding> decoding;
  std::shared_ptr<WindowWriter> writer;  // shared with the lane that it writes in
  std::size_t writes_out = 0;            // jobs of this task in the lane
  bool stopped = false;                  // given up; only its writes are waited for
  std::string batch_key;
  std::uint64_t begun = 0;
  double compute_us = 0;
};

struct AttemptEnd {
  jobs::Outcome outcome = jobs::Outcome::Failed;
  std::string code;
  std::string message;
  std::optional<jobs::Frame> frame;
  std::vector<jobs::TaskIndex> failed_tasks;
  std::string storage_root{};  // whose storage failed; empty: that of the outputs
};

inline constexpr std::uint32_t kTasksPerAttemptMax = 65'536;

struct Attempt {
  std::uint64_t number = 0;  // order of arrival here; names it between threads
  wire::Grant grant;
  std::filesystem::path staging;
  jobs::WindowGrid grid;
  jobs::FrameSet frames;                             // that the phase writes
  std::map<jobs::TaskIndex, std::uint32_t> windows;  // of the grant's tasks
  Model* model = nullptr;
  bool alone = false;  // exact, or a grant that allows no company: batches of one
  std::string group;   // windows of one group may share batches, as far as their batch keys agree

  jobs::TaskIndex next_task = 0;  // the first that is not in flight yet
  jobs::TaskIndex end_task = 0;
  std::list<TaskInFlight> in_flight;
  std::optional<gpu::LatentBlock> carry;  // chain: latents of the window that next_task follows
  std::uint64_t last_begun = 0;
  Clock::time_point last_progress{};
  wire::AttemptProgress told;  // last
  bool moved = false;          // since it was told

  UsageMeter usage;
  std::optional<AttemptEnd> end;  // decided; told once nothing of it is being written
  bool cut_short = false;         // tasks were given back because the executor ends
  std::shared_ptr<std::atomic<bool>> abandoned =
      std::make_shared<std::atomic<bool>>(false);  // unwritten files are moot

  bool denoises() const { return wire::traits(grant.recipe()).intermediate; }
  bool chains() const { return denoises() && wire::model_work(grant.recipe())->chain(); }
  bool exact() const { return grant.recipe().reproducibility() == "exact"; }
  std::string phase_text() const;  // "JOB/PHASE"
  std::uint32_t batch_max() const { return alone ? 1 : grant.batch_max(); }
  std::size_t count(TaskStage stage) const;
  bool finished() const { return next_task == end_task && in_flight.empty(); }
  // Removes tasks in flight; what was computed for them is lost. How many. One that is being written stays until the
  // lane is done with it, and nothing more of it is begun.
  std::size_t stop(const std::function<bool(const TaskInFlight&)>& which);
  // The same, whatever the lane does.
  std::size_t drop(const std::function<bool(const TaskInFlight&)>& which);
};

// Reads a grant. Errors: recipe.* for one that makes no sense.
base::Result<std::unique_ptr<Attempt>> make_attempt(const wire::StartAttempt& start, std::uint64_t number);

// Frames that the task of a Decode phase writes.
jobs::FrameSet frames_of_window(const Attempt& attempt, std::uint32_t window);
// What the windows of the attempt's grid are made as. Only for an attempt that has its model.
gpu::WindowShape shape_of(const Attempt& attempt);
// What the recipe says of the shape, known before a model is there.
jobs::WindowChoice choice_of(const Attempt& attempt);
// Latent frames at a chained window's start that come from before.
int context_latents(const Attempt& attempt);
// The grant's inputs that the task reads.
std::vector<wire::InputFile> inputs_of(const Attempt& attempt, jobs::TaskIndex task);
// The request for a window whose inputs are there. Errors: recipe.context; what encoding says.
base::Result<gpu::WindowRequest> window_request(const Attempt& attempt, const TaskInFlight& task);

AttemptEnd end_by(const base::Error& error, std::optional<jobs::TaskIndex> task);

}  // namespace framemill::worker
