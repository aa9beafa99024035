// The scheduler's answers as values: what openapi.yaml calls Job, Layer, Worker and so on, read from JSON and checked.
// Only what the program shows is kept; --json prints the answer itself. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/forecast_text.h"
#include "cli/json_reader.h"

namespace framemill::cli {

struct TaskCounts {
  std::int64_t waiting = 0, ready = 0, leased = 0, committed = 0, published = 0, failed = 0, quarantined = 0,
               cancelled = 0;
  std::int64_t total() const {
    return waiting + ready + leased + committed + published + failed + quarantined + cancelled;
  }
};
// Why a job that is not over does not go on as it is; no kind where it does.
struct ConditionView {
  std::string kind, layer, reason, since;  // "stuck" "blocked" "starved" "throttled" "input_missing"
  std::string words() const;               // "input missing": the kind, for people
};
struct LayerView {
  std::string name, kind, shot, state;
  ConditionView condition;
  TaskCounts tasks;
  std::int64_t frames = 0, frames_published = 0, windows = 0, variants = 0, retried = 0, failed = 0;
  std::optional<std::int64_t> eta_ms;

  // Of a layer that makes frames, these; of one that makes a movie or a sheet, its tasks.
  std::int64_t files() const { return frames > 0 ? frames : tasks.total(); }
  std::int64_t files_published() const { return frames > 0 ? frames_published : tasks.published; }
};
struct FailureView {
  std::string code, message, layer;
  std::int64_t count = 0;
  std::optional<std::int64_t> first_frame;
};
struct MissingInputView {  // a file of a root that work waits for
  std::string layer, root, path, since, problem;
  std::int64_t frame = 0, files = 0;
  std::optional<std::int64_t> fails_in_ms;  // nothing: that time does not count now
};
struct RemadeFileView {  // made again: what came of it
  std::string layer, root, path, outcome, recorded_sha256, made_sha256;
  std::optional<std::int64_t> frame;
};
struct RemakeView {
  std::int64_t job = 0, files_count = 0;
  std::string state, principal, time, reason;
  bool replaces = false;
  std::vector<RemadeFileView> files;
};
struct OutputView {
  std::string layer, root, first, last;
  std::int64_t variant = 0, files = 0;
};
// Who last did what a person does to a job or a worker, and why; empty from a scheduler that does not say.
struct ChangeView {
  std::string principal, time, reason;
};
struct HoldView {  // why nothing of a job is granted
  std::string kind, principal, since, until, reason;
};
struct JobView {
  std::int64_t id = 0, version = 0, priority = 0;
  std::string name, show, sequence, shot, principal, state, submitted, started, finished;
  std::string deadline;  // empty: none
  bool deadline_at_risk = false;
  std::vector<std::string> tags;
  ConditionView condition;
  TaskCounts tasks;
  std::int64_t frames = 0, frames_published = 0;
  ForecastView forecast;
  std::optional<std::int64_t> eta_ms;  // to the middle of the forecast
  // Of one job alone, not in lists.
  std::vector<HoldView> holds;  // of older schedulers none
  ChangeView last_change;
  std::vector<LayerView> layers;
  std::vector<FailureView> failures;
  std::vector<MissingInputView> missing_inputs;
  std::vector<RemakeView> remakes;  // of its files; of a remake: itself
  std::vector<OutputView> outputs;
  std::int64_t model_loads = 0, attempts = 0, retries = 0, windows_run_twice = 0, device_us = 0;

  std::optional<std::int64_t> remake_of;  // the job whose published files it makes again

  bool is_final() const { return state == "done" || state == "failed" || state == "cancelled"; }
};
base::Result<JobView> read_job_summary(const json::value& value);
base::Result<JobView> read_job(const json::value& value);

struct LeaseView {
  std::int64_t job = 0, variant = 0, task = 0, task_count = 0, step = 0, steps = 0, batch = 0;
  std::string attempt, layer, model, phase, detail;
  bool model_warm = false, loading_model = false;
};
struct SlotView {
  std::string name;
  bool usable = true;
  std::vector<LeaseView> leases;
  std::int64_t booked_bytes = 0, budget_bytes = 0;
};
struct SetAsideView {  // a layer of which a worker gets no more
  std::int64_t job = 0, next_try_ms = 0;
  std::string layer, reason, since;
};
struct RootSeenView {
  std::string name, problem;
  bool usable = false, readable = false, read_only = false;
};
struct WorkerView {
  std::int64_t id = 0, silent_ms = 0;
  std::string name, version, state, confinement;
  std::string command_confinement;  // "enforced"; empty from an older scheduler
  std::int64_t tasks_held = 0, tasks_taken_back = 0;
  std::string drain_at;                // empty: it is not to drain by itself
  ChangeView drain_planned;            // who planned that, and why
  std::string address, other_address;  // the other: of a process with the same key that is refused; may be empty
  ChangeView last_change;
  bool quarantined = false;
  std::vector<SetAsideView> set_aside;
  std::vector<std::string> devices;  // their names
  std::vector<SlotView> slots;
  std::vector<std::string> packages;
  std::vector<std::string> conditions;  // "storage_failed (root main): ..."; of older schedulers none
  std::vector<RootSeenView> roots;
};
base::Result<std::vector<WorkerView>> read_workers(const json::value& list);

struct FrameView {
  std::string layer, kind, state, root, path, sha256, samples_sha256;
  std::int64_t variant = 0, size_bytes = 0;
  std::optional<std::int64_t> seed;
  std::optional<std::int64_t> frame;
};
base::Result<FrameView> read_frame(const json::value& value);

struct LogView {
  std::string attempt, layer, phase, frames, worker, slot, ended, outcome, code, message, output_tail;
  std::int64_t variant = 0;
};
base::Result<LogView> read_log(const json::value& value);

struct ReasonView {
  std::string reason, because, remedy;
  std::int64_t slots = 0;
  std::vector<std::string> examples;
};
struct ExplanationView {
  std::string layer, phase, state, sentence;
  std::int64_t variant = 0;
  std::optional<std::int64_t> task, frame;
  std::vector<ReasonView> reasons;
  bool can_never_run = false;
};
base::Result<ExplanationView> read_explanation(const json::value& value);

struct FindingView {
  std::string kind, layer, frames, code, message, blame, because, log_line, waiting;
  std::int64_t tasks = 0;
  std::vector<std::pair<std::string, std::int64_t>> workers;  // and tasks that failed there
  std::vector<std::string> next;
};
struct DiagnosisView {
  std::string sentence;
  std::vector<FindingView> findings;
};
base::Result<DiagnosisView> read_diagnosis(const json::value& value);

}  // namespace framemill::cli
