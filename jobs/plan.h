// How a job is cut: layers become phases, phases are numbered tasks, and closed formulas say which frames a task stands
// for and which tasks it waits for. Made once at submit, stored, hashed; core, wire and leases speak only of (phase,
// first task, count). See docs/plans.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "jobs/spec.h"

namespace framemill::jobs {

inline constexpr std::size_t kPhasesMax = 4'096;      // in one job
inline constexpr std::size_t kWindowRunsMax = 4'096;  // separate runs of windows in one phase
inline constexpr std::size_t kWindowRunsPerJobMax = 65'536;

// The grid of windows over a shot's range: fixed by shot_range alone, so that a subset of frames has the same pixels.
// Window w of an independent grid covers window_frames frames from origin + w*window_frames. Window w of a chain covers
// window_frames frames from origin + w*(window_frames - context_frames); its first context_frames (w > 0, or w = 0 with
// an input) are the clean end of the window before. With an input the origin lies context_frames before the shot range,
// so that the first new frame is the shot's first.
struct WindowGrid {
  Frame origin = 0;
  std::int32_t window_frames = 1;
  std::int32_t context_frames = 0;  // 0 for an independent grid
  TimeRatio time_ratio;
  std::uint32_t window_count = 0;  // windows that cover shot_range (the last is made whole)

  std::int32_t stride() const { return window_frames - context_frames; }
  Frame window_first(std::uint32_t w) const { return origin + static_cast<Frame>(w) * stride(); }
  Frame window_last(std::uint32_t w) const { return window_first(w) + window_frames - 1; }
  // Frames the window writes: its own, without the context it got from the window before.
  FrameSpan new_frames(std::uint32_t w) const;
  std::uint32_t window_of(Frame frame) const;  // the window that writes the frame
  std::int64_t first_latent(
      std::uint32_t w) const;  // absolute latent frame of the window's start, for the noise counter
  bool operator==(const WindowGrid&) const = default;
};

// What a range of tasks waits for. Tasks applies_first..applies_last (inclusive) of the phase need, of `phase`:
//   Linear: tasks [t*mul/div + lo, t*mul/div + hi] (rounded down), clamped to the phase
//   Range:  the tasks [first, first+count) whatever t is
//   All:    every task
//   Frames: the tasks that write a frame from lo to hi around one that task t writes, of `frames` only where it is given
struct Need {
  enum class Form : std::uint8_t { Linear, Range, All, Frames };
  PhaseIndex phase = 0;
  TaskIndex applies_first = 0, applies_last = UINT32_MAX;
  Form form = Form::Linear;
  std::int64_t mul = 1, div = 1, lo = 0, hi = 0;
  TaskRange range;
  bool reads_files = false;  // the needed tasks' files are named in the grant; false: order alone
  bool is_context = false;   // the files give the context (carry) of a generate window
  FrameSet frames;           // of those files only these frames; empty: every file of the needed tasks
  std::int32_t input = -1;   // index into the layer's inputs that the need stands for; -1: none
  bool operator==(const Need&) const = default;
};

// Files of a root that tasks of a phase read: an input like a layer's frames, but no task of the job makes them.
struct RootFiles {
  enum class Readers : std::uint8_t { All, FirstTask, OwnFrames };
  std::uint32_t input = 0;  // index into the layer's inputs
  std::string root;
  std::string path_printf;         // inside the root; %04d stands for the frame
  FrameSet frames;                 // all that any task reads; one file without a number is frame 0
  Readers readers = Readers::All;  // every task reads all of them, the first task does, or each reads from lo to hi
  std::int32_t lo = 0, hi = 0;     // around the frames that it writes
  bool is_context = false;         // they give the context of a generate layer's first window
  bool operator==(const RootFiles&) const = default;
};

struct PhasePlan {
  PhaseKind kind{};
  LayerIndex layer = 0;
  std::uint32_t variant = 0;  // index of the variant
  std::uint64_t seed = 0;     // means something where has_seed() says so
  std::uint32_t task_count = 0;
  std::vector<Need> needs;
  std::vector<RootFiles> root_files;  // in the order of the layer's inputs
  WindowGrid grid;                    // Denoise and Decode
  std::vector<TaskRange> windows;     // Denoise and Decode: the grid's windows that tasks 0.. stand for, ascending
  FrameSet frames;                    // frames written by the phase (empty for Denoise, and where it makes one file)
  std::uint32_t frames_per_task = 1;  // Command: frames a task takes
  std::string output_pattern;         // inside root; only {frame} tokens are left, as printf %04d; empty for Denoise
  std::string root;
  const PhaseTraits& traits() const { return jobs::traits(kind); }
  bool has_seed() const { return traits().windowed; }
  bool operator==(const PhasePlan&) const = default;
};

struct JobPlan {
  std::vector<PhasePlan> phases;
  base::Sha256 digest;  // of the canonical JSON of the phases
};

// The grid of a layer of a package; nullopt with `why` set when the package's window cannot serve the strategy.
std::optional<WindowGrid> make_grid(const PackageFacts& facts, PlanStrategy strategy, FrameSpan shot_range,
                                    bool has_input, std::string* why);

// The grid's windows that hold any of the frames, as ascending runs; nullopt when there are more than kWindowRunsMax
// runs. The frames lie inside the grid.
std::optional<std::vector<TaskRange>> windows_of(const WindowGrid& grid, const FrameSet& frames);

// The whole plan, or spec errors that only planning finds (output names that collide, ranges without windows).
// version: the reserved version, for output names. `packages` gives window sizes; unknown models are errors.
struct PlanResult {
  std::optional<JobPlan> plan;
  std::vector<SpecError> errors;
};
PlanResult plan_job(const JobSpec& spec, std::uint32_t version, const PackageCatalogue& packages);

base::Sha256 plan_digest(const JobPlan& plan);  // of the phases, whatever plan.digest says
std::string plan_json(const JobPlan& plan);
base::Result<JobPlan> plan_from_json(std::string_view json);  // checks the digest: plan.digest_mismatch

// Whether each frame has a file of its own; a command may make one file of all frames, like a movie.
bool is_framewise(const PhasePlan& phase);

// The phase whose files stand for the layer's variant: the one that is not intermediate.
std::optional<PhaseIndex> output_phase(const JobPlan& plan, LayerIndex layer, std::uint32_t variant);

// Task <-> window of a windowed phase.
std::uint32_t task_window(const PhasePlan& phase, TaskIndex task);
std::optional<TaskIndex> window_task(const PhasePlan& phase, std::uint32_t window);

// Frames that the task writes, ascending; none where the phase writes no frames.
FrameSet task_frames(const PhasePlan& phase, TaskIndex task);
// Tasks of `phase` that write any of the frames (as one covering range; empty when none).
TaskRange tasks_of_frames(const PhasePlan& phase, Frame first, Frame last);

// Tasks of `needed` (the plan of need.phase) that task t of `owner` waits for; empty when the need does not apply to t.
TaskRange tasks_needed(const Need& need, const PhasePlan& owner, TaskIndex t, const PhasePlan& needed);
// The inverse: tasks of the phase that owns `need` which wait for any of the `done` tasks of `needed`.
TaskRange tasks_waiting_on(const Need& need, const PhasePlan& owner, TaskRange done, const PhasePlan& needed);
// Of the files that the need names, the frames that task t reads; empty: every file of the needed tasks.
FrameSet frames_wanted(const Need& need, const PhasePlan& owner, TaskIndex t);

// The frames of a root's files that task t reads; may be none.
FrameSet frames_read(const RootFiles& files, const PhasePlan& owner, TaskIndex t);
std::string path_of(const RootFiles& files, Frame frame);
// What the phase reads from roots, by its layer alone (for a Denoise phase by its grid as well).
std::vector<RootFiles> root_files_of(const LayerSpec& layer, const PhasePlan& phase);
// Gives a plan that an older version stored the root_files that it does not speak of; its digest stays as it is.
void add_root_files(JobPlan& plan, const JobSpec& spec);

// Final path of a frame inside the phase's root: "harbor/.../hb_0010_comp_t00_v001.1001.exr".
std::string output_path(const PhasePlan& phase, Frame frame);

}  // namespace framemill::jobs
