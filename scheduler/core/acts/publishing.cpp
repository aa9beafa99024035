#include "scheduler/core/acts/publishing.h"

#include <algorithm>

#include "jobs/publish_error.h"
#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/remakes.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/policy/publish_servers.h"

namespace framemill::scheduler {
namespace {

using jobs::PublishRemedy;

constexpr std::uint32_t kFailuresMax = 5;  // of one task's files; what storage or a host refuses does not count
constexpr std::uint32_t kMissingMax = 3;   // a network file system may be late in showing a file

void fail_publish(FarmState& farm, PhaseEntry& phase, TaskIndex task, const PublishFailed& failed) {
  farm.duties.done(phase.id, {task, 1});
  move_tasks(farm, phase, {task, 1}, TaskState::Failed);
  FailureHistory& trouble = failure_history_of(farm, phase, task);
  trouble.record.last_outcome = jobs::Outcome::Failed;
  trouble.record.last_code = failed.code;
  trouble.record.last_message = failed.message;
  ++farm.turn.failed[{phase.id.job, phase.plan->layer}];
}

// Counts the failure. Whether no other try is made.
bool is_given_up(Duty& duty, PublishRemedy remedy) {
  switch (remedy) {
    case PublishRemedy::Wait:
      return false;
    case PublishRemedy::GiveUp:
      return true;
    case PublishRemedy::MakeAgain:
      return ++duty.failures >= kMissingMax;
    case PublishRemedy::TryAgain:
      return ++duty.failures >= kFailuresMax;
  }
  return true;
}

// The order is given again later: to whoever repeats it then, or, where storage or a host is in trouble, which says
// nothing about the file, to the next worker after a pause that grows.
void wait_for_name(FarmState& farm, PhaseEntry& phase, const PublishDuties::Key& key, WorkerId worker,
                   const PublishFailed& failed) {
  if (jobs::publish_remedy(failed.code) != PublishRemedy::Wait)
    return farm.duties.assign(key, worker, farm.now() + farm.settings.back_off_first);
  const base::Duration pause =
      note_publish_failed(farm, farm.job_of(phase.id), phase.plan->layer, failed.code, failed.message);
  farm.duties.assign(key, other_publish_server(farm, phase.plan->root, worker), farm.now() + pause);
}

// Its staged files are gone: what was committed counts no more, and the task is made again. Charged, so that files that
// vanish for ever end the task and not the farm's time.
void make_again(FarmState& farm, PhaseEntry& phase, TaskIndex task, AttemptId attempt, const PublishFailed& failed) {
  // Whatever else that attempt still does would be written to where files vanish.
  if (farm.leases.find(attempt) != nullptr) revoke_attempt(farm, attempt, jobs::RevokeReason::Cancelled);
  farm.duties.done(phase.id, {task, 1});
  farm.turn.effects.persist.commits_withdrawn.emplace_back(phase.id, task);
  FailureHistory& trouble = failure_history_of(farm, phase, task);
  trouble.record.last_outcome = jobs::Outcome::Failed;
  trouble.record.last_code = failed.code;
  trouble.record.last_message = failed.message;
  trouble.record.last_attempt = attempt;
  ++trouble.record.charged_tries;
  ++phase.tally.tries_charged;
  const JobEntry& job = farm.job_of(phase.id);
  if (job.final() || trouble.record.charged_tries >= job.layer_of(phase).retries) {
    move_tasks(farm, phase, {task, 1}, TaskState::Failed);
    ++farm.turn.failed[{phase.id.job, phase.plan->layer}];
  } else {
    return_tasks(farm, phase, {task, 1});
  }
  farm.leases.forget_published(phase.id, phase.tasks, {task, 1});
}

}  // namespace

bool failed_files_stay(const PhaseEntry& phase, TaskIndex task) {
  if (phase.tasks.at(task) != TaskState::Failed) return false;
  const auto trouble = phase.troubles.find(task);
  if (trouble == phase.troubles.end()) return false;
  const auto error = jobs::publish_error_from_code(trouble->second.record.last_code);
  return error && jobs::publish_error_row(*error).files_stay;
}

void on_published(FarmState& farm, const TasksPublished& published) {
  PhaseEntry* phase = farm.jobs.find(published.phase);
  if (phase == nullptr || published.tasks.first >= phase->tasks.size()) return;
  const TaskRange tasks{published.tasks.first,
                        std::min(published.tasks.count, phase->tasks.size() - published.tasks.first)};
  for (const StateRun& run : phase->tasks.runs(tasks)) {
    if (run.state != TaskState::Committed) continue;
    farm.duties.done(phase->id, run.tasks);
    farm.match_wanted = true;  // a worker may have come below its cap
    move_tasks(farm, *phase, run.tasks, TaskState::Published);
    farm.turn.published[{phase->id.job, phase->plan->layer}] += run.tasks.count;
    note_published(farm, farm.job_of(phase->id), phase->plan->layer);
    settle_remade(farm, *phase, run.tasks);
    farm.leases.forget_published(phase->id, phase->tasks, run.tasks);
    farm.turn.work.published.emplace_back(phase->id, run.tasks);
  }
}

void on_publish_failed(FarmState& farm, WorkerId worker, const PublishFailed& failed) {
  PhaseEntry* phase = farm.jobs.find(failed.phase);
  if (phase == nullptr || failed.tasks.first >= phase->tasks.size()) return;
  const TaskRange tasks{failed.tasks.first, std::min(failed.tasks.count, phase->tasks.size() - failed.tasks.first)};
  const PublishRemedy remedy = jobs::publish_remedy(failed.code);
  for (const StateRun& run : phase->tasks.runs(tasks)) {
    if (run.state != TaskState::Committed) continue;
    for (TaskIndex t = run.tasks.first; t < run.tasks.end(); ++t) {
      const PublishDuties::Key key{phase->id, t};
      Duty& duty = farm.duties.get(key);
      // A report that repeats itself is one failure, and the duty may be another worker's by now.
      if (duty.worker != worker || duty.ordered > farm.now()) continue;
      if (!is_given_up(duty, remedy)) {
        wait_for_name(farm, *phase, key, worker, failed);
        continue;
      }
      if (remedy == PublishRemedy::MakeAgain) {
        make_again(farm, *phase, t, duty.attempt, failed);
        continue;
      }
      fail_publish(farm, *phase, t, failed);
      if (failed.code == text_of(jobs::PublishError::Intact)) settle_refused(farm, *phase, t);
    }
  }
}

}  // namespace framemill::scheduler
