#include "scheduler/daemon/turn_figures.h"

#include <algorithm>
#include <string>
#include <variant>

namespace framemill::scheduler {
namespace {

constexpr const char* kDeviceSeconds = "framemill_device_seconds_total";
constexpr const char* kDeviceSecondsHelp =
    "Time that ended attempts had of their devices. useful: finished work; load: loading models; lost: work that was "
    "not finished.";
constexpr double kMicro = 1e-6;

}  // namespace

TurnFigures::TurnFigures(monitoring::Metrics& metrics)
    : turn_seconds_(metrics.histogram("framemill_loop_turn_seconds", "How long turns of the scheduling loop took.",
                                      {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1})),
      commit_seconds_(metrics.histogram("framemill_store_commit_seconds",
                                        "How long transactions of the job store took to commit, with their fsync.",
                                        {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10})),
      queue_wait_seconds_(metrics.histogram("framemill_job_queue_wait_seconds",
                                            "From a job's submit to the first task of it that was granted.",
                                            {1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400})),
      granted_(metrics.counter("framemill_attempts_granted_total", "Attempts granted to workers.")),
      committed_tasks_(metrics.counter("framemill_tasks_committed_total", "Tasks committed.")),
      useful_s_(metrics.counter(kDeviceSeconds, kDeviceSecondsHelp, {{"use", "useful"}})),
      load_s_(metrics.counter(kDeviceSeconds, kDeviceSecondsHelp, {{"use", "load"}})),
      lost_s_(metrics.counter(kDeviceSeconds, kDeviceSecondsHelp, {{"use", "lost"}})) {
  for (int i = 0; i < jobs::kOutcomeCount; ++i) {
    const auto& row = jobs::outcome_row(static_cast<jobs::Outcome>(i));
    ended_.push_back(metrics.counter("framemill_attempts_ended_total", "Attempts that ended, by outcome.",
                                     {{"outcome", std::string(row.code)}}));
  }
}

void TurnFigures::expect(const std::vector<JobRow>& jobs) {
  for (const JobRow& job : jobs)
    if (!jobs::is_final(job->state) && job->started.unix_ms == 0) waiting_.insert(job->id);
}

void TurnFigures::turn_begun() {
  if (depth_++ == 0) begun_ = Clock::now();
}

void TurnFigures::turn_over() {
  if (--depth_ == 0) turn_seconds_.observe(std::chrono::duration<double>(Clock::now() - begun_).count());
}

void TurnFigures::turn(const Effects& effects) {
  if (!effects.grants.empty()) granted_.add(static_cast<double>(effects.grants.size()));
  for (const FarmEvent& event : effects.happened)
    if (const auto* job = std::get_if<JobEvent>(&event); job != nullptr && job->what == JobEvent::What::Submitted)
      waiting_.insert(job->job);
  double commits = 0;
  for (const Record& record : effects.persist.puts) {
    if (std::holds_alternative<CommitRecord>(record)) commits += 1;
    if (const auto* attempt = std::get_if<AttemptRecord>(&record)) count(*attempt);
    if (const auto* job = std::get_if<JobRecord>(&record)) count(*job);
  }
  if (commits > 0) committed_tasks_.add(commits);
}

void TurnFigures::count(const AttemptRecord& attempt) {
  if (attempt.live) return;
  ended_[static_cast<std::size_t>(attempt.outcome)].add();
  useful_s_.add(static_cast<double>(attempt.usage.compute_us) * kMicro);
  load_s_.add(static_cast<double>(attempt.usage.load_us) * kMicro);
  lost_s_.add(static_cast<double>(attempt.usage.lost_us) * kMicro);
}

void TurnFigures::count(const JobRecord& job) {
  const bool started = job.started.unix_ms != 0;
  if ((!started && !jobs::is_final(job.state)) || waiting_.erase(job.id) == 0 || !started) return;
  const std::int64_t waited_ms =
      job.started.unix_ms - job.submitted.time.unix_ms;  // of wall clocks: they may be set back
  queue_wait_seconds_.observe(static_cast<double>(std::max<std::int64_t>(waited_ms, 0)) / 1000);
}

void TurnFigures::committed(std::chrono::microseconds took) const {
  commit_seconds_.observe(static_cast<double>(took.count()) * kMicro);
}

}  // namespace framemill::scheduler
