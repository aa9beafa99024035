#include "scheduler/core/acts/view_marking.h"

namespace framemill::scheduler {
namespace {

// A remake stands in the row of the job that it belongs to.
JobEntry* shown_with(FarmState& farm, const JobEntry& job) {
  return job.record.remake_of ? farm.jobs.find(job.record.remake_of) : nullptr;
}

}  // namespace

void show_at_once(FarmState& farm, JobEntry& job) {
  if (job.row.at_once) return;
  job.row.at_once = true;
  farm.views.jobs_now.insert(job.record.id);
  if (JobEntry* first = shown_with(farm, job)) show_at_once(farm, *first);
}

void show_at_once(FarmState& farm, WorkerEntry& worker) {
  if (worker.row.at_once) return;
  worker.row.at_once = true;
  farm.views.workers_now.insert(worker.record.id);
}

void show_later(FarmState& farm, JobEntry& job) {
  if (job.row.at_once || job.row.due) return;
  if (!job.row.shown) return show_at_once(farm, job);
  job.row.due = true;
  farm.views.jobs_due.insert(job.record.id);
  if (JobEntry* first = shown_with(farm, job)) show_later(farm, *first);
}

void show_later(FarmState& farm, WorkerEntry& worker) {
  if (worker.row.at_once || worker.row.due) return;
  if (!worker.row.shown) return show_at_once(farm, worker);
  worker.row.due = true;
  farm.views.workers_due.insert(worker.record.id);
}

void note_touched_rows(FarmState& farm) {
  const auto job_of = [&](JobId id) -> JobEntry& { return farm.jobs.get(id); };
  for (const JobId id : farm.turn.jobs) show_at_once(farm, job_of(id));
  for (const WorkerId id : farm.turn.workers) show_at_once(farm, farm.workers.get(id));
  for (const PhaseId id : farm.turn.phases) show_later(farm, job_of(id.job));
  for (const auto& [id, task] : farm.turn.troubles) show_later(farm, job_of(id.job));
}

void note_forgotten_row(FarmState& farm, const JobEntry& job) {
  const JobId id = job.record.id;
  farm.jobs_aside.erase(id);
  farm.views.jobs_now.erase(id);
  farm.views.jobs_due.erase(id);
  farm.views.live.erase(id);
  if (job.row.shown) farm.views.forgotten.push_back(id);
}

}  // namespace framemill::scheduler
