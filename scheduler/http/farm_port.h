// What the HTTP API asks of the farm: a narrow port that the daemon implements. All calls return at once; the reply comes
// exactly once, on any thread, at once where the answer is at hand. Values are copies, and rows never change: nothing
// of the core is shared with the HTTP thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "forecast/job_forecast.h"
#include "jobs/spec.h"
#include "scheduler/core/state/effects.h"
#include "scheduler/core/views/diagnosis_view.h"
#include "scheduler/core/views/views.h"

namespace framemill::scheduler {

template <class T>
using Reply = std::function<void(base::Result<T>)>;

struct SubmitRequest {
  std::string principal, reason;
  std::string token;  // Idempotency-Key; empty: none
  std::string text;   // at most 256 KiB; longer is refused by the parser
  jobs::SpecFormat format = jobs::SpecFormat::Detect;
  jobs::SpecOverrides overrides;
};
struct SubmitReply {
  Submitted submitted;  // valid when errors is empty
  std::vector<jobs::SpecError> errors;
};

struct JobFilter {
  std::optional<bool> live;  // true: not final; false: final; absent: all
  std::string principal;     // empty: everybody's
  std::optional<jobs::JobState> state;
  std::optional<Condition::Kind> condition;  // of a job that is not over
  std::string show, sequence, shot;          // empty: any; a job with layers of several shots has each of them
  std::string tag;                           // one of its tags, whole
  std::string text;                          // part of its name, place, person or a tag, whatever the case of letters
  base::WallTime since;                      // submitted then or later; 0: any
  JobId before;                              // only older jobs: continues a page; none: from the newest
  std::uint32_t limit = 100;                 // 1..1001, newest first
};
struct JobChange {
  std::string principal, reason;
  JobId job;
  JobAction verb = JobAction::Cancel;
  std::int32_t priority = 50;
  std::optional<base::Duration> hold_for;  // Pause: how long; none: until it is resumed
  bool waives_waits = false;               // Resume: it does not wait for a time or other jobs any more
  base::WallTime deadline;                 // SetDeadline; 0: none
  std::string layer;                       // Retry
  std::optional<jobs::FrameSet> frames;    // Retry
  bool remake = false, replace = false;    // Retry: scheduler/core/acts/remakes.h
};
// The same change of all jobs that a filter takes and that are not over.
struct JobsChange {
  std::string principal, reason;
  JobFilter filter;      // before and limit are not read
  std::string selected;  // the filter in words, for the record
  JobAction verb = JobAction::Cancel;
  std::int32_t priority = 50;
  std::optional<base::Duration> hold_for;
  bool dry_run = false;  // only says what would be changed
};
inline constexpr std::size_t kSelectedJobsShown = 20;
struct JobsChangeReply {
  std::uint32_t matched = 0, changed = 0, skipped = 0;  // skipped: over by then, or in another state
  std::map<jobs::JobState, std::uint32_t> states;       // of those that matched, before the change
  std::vector<JobRow> jobs;                             // the newest of them, as they were before
};
struct WorkerChange {
  std::string principal, reason;
  WorkerId worker;
  WorkerAction verb = WorkerAction::Drain;
  std::optional<base::WallTime> at{};  // Drain: then, and not now
};

struct LimitChange {
  std::string principal, reason, name;
  std::uint32_t count = 0;
};

// Files of a job, in the order (phase, task, frame). `after` continues a page: the `next` of the one before.
struct FrameQuery {
  JobId job;
  std::string layer;  // empty: all layers
  std::optional<std::uint32_t> variant;
  std::optional<jobs::Frame> frame;
  bool intermediates = false;  // latents too
  std::string after;
  std::uint32_t limit = 1000;  // 1..10'000
};
struct FrameRow {
  std::string layer, kind;  // kind: "frame" "latents" "movie" "sheet" "other"
  std::uint32_t variant = 0;
  std::optional<std::uint64_t> seed;  // what programs and media make has none
  jobs::Frame frame = 0;
  std::string root, path;
  std::uint64_t size_bytes = 0;
  base::Sha256 sha256, samples_sha256;
  jobs::TaskState state = jobs::TaskState::Committed;
  AttemptId attempt;
  WorkerId worker;
  std::string device_class;
};
struct FramePage {
  std::vector<FrameRow> rows;
  std::string next;  // empty: the end
};

struct AttemptQuery {
  JobId job;
  std::string layer;                 // empty: all
  std::optional<jobs::Frame> frame;  // only attempts whose tasks touch the frame
  bool with_output = false;
  bool newest_first = false;
  std::string after;
  std::uint32_t limit = 200;  // 1..1000
};
struct AttemptRow {
  AttemptRecord record;
  std::string layer, phase, worker_name;  // phase: "denoise" ...
  std::uint32_t variant = 0;
  // The first kFilesPerAttemptMax of each; record.files_written and files_read tell how many there are. Not with output.
  std::vector<ReadRecord> files_written, files_read;
};
inline constexpr std::uint32_t kFilesPerAttemptMax = 16;
struct AttemptPage {
  std::vector<AttemptRow> rows;
  std::string next;
};

struct ExplainQuery {
  JobId job;
  std::string layer;  // empty: the job's first task that neither runs nor is final
  std::optional<std::uint32_t> variant;
  std::optional<jobs::Frame> frame;
};

struct RootView {
  std::string name, path;  // path as the scheduler's host maps it; empty: not mapped there
};
struct Health {
  bool ready = false;    // takes submits and grants
  std::string sentence;  // "ready", "the disk of the store is full", ...
  bool stopping = false;
  std::uint64_t durable_sequence = 0;
  std::uint32_t epoch = 0;  // the start of the scheduler that answers
};

struct ShareChange {
  std::string principal, reason;
  std::string path;    // "features/atlas"
  ShareRules rules;    // what is given is set
  bool reset = false;  // as configured again, before that
};

class FarmPort {
 public:
  virtual ~FarmPort() = default;
  virtual void submit(SubmitRequest request, Reply<SubmitReply> reply) = 0;
  virtual void change_job(JobChange change, Reply<Changed> reply) = 0;
  // In pieces, each of which is on disk before the next begins; other changes go on in between. An error says how many
  // had been changed by then.
  virtual void change_jobs(JobsChange change, Reply<JobsChangeReply> reply) = 0;
  virtual void change_worker(WorkerChange change, Reply<Changed> reply) = 0;
  virtual void change_share(ShareChange change, Reply<Changed> reply) = 0;  // share.unknown
  virtual void list_shares(Reply<ShareRows> reply) = 0;
  virtual void list_jobs(JobFilter filter, Reply<std::vector<JobRow>> reply) = 0;
  virtual void show_job(JobId job, Reply<JobRow> reply) = 0;  // job.unknown
  virtual void plan(JobId job, Reply<PlanView> reply) = 0;
  virtual void list_workers(Reply<std::vector<WorkerRow>> reply) = 0;  // by number
  virtual void list_limits(Reply<LimitRows> reply) = 0;
  virtual void change_limit(LimitChange change, Reply<Changed> reply) = 0;
  virtual void explain(ExplainQuery query, Reply<ExplainView> reply) = 0;
  virtual void diagnose(JobId job, Reply<DiagnosisView> reply) = 0;  // job.unknown
  virtual void frames(FrameQuery query, Reply<FramePage> reply) = 0;
  virtual void attempts(AttemptQuery query, Reply<AttemptPage> reply) = 0;
  virtual void roots(Reply<std::vector<RootView>> reply) = 0;
  virtual void health(Reply<Health> reply) = 0;
  virtual forecast::ForecastsRow forecasts() = 0;                        // the newest; never null
  virtual void levers(JobId job, Reply<forecast::LeverView> reply) = 0;  // job.unknown, farm.busy
};

// What happened, released after the sync: (epoch, sequence, index in the batch) is the id that a client resumes from.
// Names are filled in by the daemon, which has the farm at hand.
struct EventRow {
  FarmEvent event;
  std::string layer_name;   // empty: not of a layer
  std::string worker_name;  // empty: not of a worker
};
struct EventBatch {
  std::uint32_t epoch = 0;     // the start of the scheduler: sequences may come again after another one
  std::uint64_t sequence = 0;  // durable commit sequence at least, strictly rising
  base::WallTime time;
  std::vector<EventRow> events;
};

}  // namespace framemill::scheduler
