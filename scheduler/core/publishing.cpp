#include "scheduler/core/publishing.h"

#include <algorithm>

#include "scheduler/core/attempts.h"
#include "scheduler/core/remakes.h"
#include "scheduler/core/standings.h"
#include "scheduler/core/task_moves.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kRepeatAfter = base::seconds(2);
// Of a worker that tells which orders it holds: one that it does not name is most likely still on its way, and to say it
// again would only lengthen the way.
constexpr base::Duration kRepeatUntoldAfter = base::seconds(10);
constexpr std::uint32_t kFailuresMax = 5;  // of one task's files; what storage or a host refuses does not count
constexpr std::uint32_t kRepeatsPerReport = 1024;

bool can_serve(const WorkerEntry& worker, const std::string& root) {
  return worker.known && !worker.silent && !worker.record.revoked && worker.sees_root(root);
}

void assign(FarmState& farm, const PublishDuties::Key& key, WorkerId worker) {
  farm.duties.assign(key, worker, farm.now());
  farm.turn.publish_orders.push_back(key);
}

// Files of the farm's own that outlive their task: latents, and the orders that are kept for manifests.
bool leaves_files(const PhaseEntry& phase) {
  return phase.plan->kind == jobs::PhaseKind::Denoise || jobs::is_on_manifest(*phase.plan);
}

void fail_publish(FarmState& farm, PhaseEntry& phase, TaskIndex task, const PublishFailed& failed) {
  farm.duties.done(phase.id, {task, 1});
  move_tasks(farm, phase, {task, 1}, TaskState::Failed);
  Trouble& trouble = trouble_of(farm, phase, task);
  trouble.record.last_outcome = jobs::Outcome::Failed;
  trouble.record.last_code = failed.code;
  trouble.record.last_message = failed.message;
  ++farm.turn.failed[{phase.id.job, phase.plan->layer}];
}

constexpr std::uint32_t kMissingMax = 3;  // a network file system may be late in showing a file

// Its staged files are gone: what was committed counts no more, and the task is made again. Charged, so that files that
// vanish for ever end the task and not the farm's time.
void make_again(FarmState& farm, PhaseEntry& phase, TaskIndex task, AttemptId attempt, const PublishFailed& failed) {
  // Whatever else that attempt still does would be written to where files vanish.
  if (farm.leases.find(attempt) != nullptr) revoke_attempt(farm, attempt, "cancelled");
  farm.duties.done(phase.id, {task, 1});
  farm.turn.effects.persist.commits_withdrawn.emplace_back(phase.id, task);
  Trouble& trouble = trouble_of(farm, phase, task);
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
  forget_published(farm, phase, {task, 1});
}

// The next worker, round and round, that could give files of the root their names; the same when there is no other.
WorkerId other_server(const FarmState& farm, const std::string& root, WorkerId worker) {
  WorkerId first = worker;
  for (const auto& [id, entry] : farm.workers.all()) {
    if (!can_serve(entry, root)) continue;
    if (id > worker) return id;
    if (first == worker && id < worker) first = id;
  }
  return first;
}

// Whether the worker says that it holds the order; `told` is sorted.
bool is_named(const std::vector<TasksPublished>& told, const PublishDuties::Key& key) {
  auto after =
      std::upper_bound(told.begin(), told.end(), key, [](const PublishDuties::Key& k, const TasksPublished& t) {
        return k < PublishDuties::Key{t.phase, t.tasks.first};
      });
  if (after == told.begin()) return false;
  --after;
  return after->phase == key.first && after->tasks.contains(key.second);
}

}  // namespace

WorkerId publish_server(const FarmState& farm, const std::string& root, WorkerId preferred) {
  if (const WorkerEntry* worker = farm.workers.find(preferred); worker != nullptr && can_serve(*worker, root))
    return preferred;
  WorkerId best;
  std::size_t fewest = SIZE_MAX;
  for (const auto& [id, worker] : farm.workers.all()) {
    if (!can_serve(worker, root)) continue;
    const std::size_t duties = farm.duties.of(id).size();
    if (duties < fewest) {
      fewest = duties;
      best = id;
    }
  }
  return best;
}

bool at_publish_cap(const FarmState& farm, WorkerId worker) {
  return farm.duties.of(worker).size() >= farm.settings.publish_duties_per_worker_max ||
         farm.duties.all().size() >= farm.settings.publish_duties_max;
}

void order_publish(FarmState& farm, PhaseEntry& phase, TaskIndex task, AttemptId attempt, WorkerId committer) {
  const PublishDuties::Key key{phase.id, task};
  farm.duties.add(phase.id, task, attempt);
  if (const WorkerId server = publish_server(farm, phase.plan->root, committer)) assign(farm, key, server);
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
    forget_published(farm, *phase, run.tasks);
    wake_dependents(farm, *phase, run.tasks);
  }
}

void on_publish_failed(FarmState& farm, WorkerId worker, const PublishFailed& failed) {
  PhaseEntry* phase = farm.jobs.find(failed.phase);
  if (phase == nullptr || failed.tasks.first >= phase->tasks.size()) return;
  const TaskRange tasks{failed.tasks.first, std::min(failed.tasks.count, phase->tasks.size() - failed.tasks.first)};
  for (const StateRun& run : phase->tasks.runs(tasks)) {
    if (run.state != TaskState::Committed) continue;
    for (TaskIndex t = run.tasks.first; t < run.tasks.end(); ++t) {
      const PublishDuties::Key key{phase->id, t};
      Duty& duty = *farm.duties.find(key);
      // A report that repeats itself is one failure, and the duty may be another worker's by now.
      if (duty.worker != worker || duty.ordered > farm.now()) continue;
      if (failed.code == "publish.missing" && ++duty.failures >= kMissingMax) {
        make_again(farm, *phase, t, duty.attempt, failed);
        continue;
      }
      if (failed.code == "publish.missing") {
        farm.duties.assign(key, worker, farm.now() + farm.settings.back_off_first);
        continue;
      }
      // What storage or a host refuses says nothing about the file: it is tried again until they are well.
      if (!failed.code.starts_with("publish.") && !failed.code.starts_with("path.")) {
        const base::Duration pause =
            note_publish_failed(farm, farm.job_of(phase->id), phase->plan->layer, failed.code, failed.message);
        farm.duties.assign(key, other_server(farm, phase->plan->root, worker), farm.now() + pause);
        continue;
      }
      if (failed.code == "publish.exists_other" || failed.code == kPublishIntact || ++duty.failures >= kFailuresMax) {
        fail_publish(farm, *phase, t, failed);
        if (failed.code == kPublishIntact) settle_refused(farm, *phase, t);
        continue;
      }
      // Later, by whoever repeats it then.
      farm.duties.assign(key, worker, farm.now() + farm.settings.back_off_first);
    }
  }
}

void repeat_duties(FarmState& farm, WorkerEntry& worker, const WorkerReported& report) {
  const auto& duties = farm.duties.of(worker.record.id);
  worker.tells_publishing = worker.tells_publishing || report.publishing;
  if (duties.empty() || (worker.tells_publishing && !report.publishing)) return;
  std::vector<TasksPublished> told = report.publishing.value_or(std::vector<TasksPublished>{});
  std::sort(told.begin(), told.end(), [](const TasksPublished& a, const TasksPublished& b) {
    return PublishDuties::Key{a.phase, a.tasks.first} < PublishDuties::Key{b.phase, b.tasks.first};
  });
  for (std::uint32_t n = 0; n < kRepeatsPerReport && !duties.empty(); ++n) {
    const auto [ordered, key] = *duties.begin();
    if (ordered + (report.publishing ? kRepeatUntoldAfter : kRepeatAfter) > farm.now()) return;
    if (is_named(told, key))
      farm.duties.assign(key, worker.record.id, farm.now());  // it is at it
    else
      assign(farm, key, worker.record.id);
  }
}

void adopt_duties(FarmState& farm, WorkerEntry& worker) {
  if (farm.duties.unassigned().empty() || !worker.known || worker.record.revoked) return;
  std::vector<PublishDuties::Key> adopted;
  for (const PublishDuties::Key& key : farm.duties.unassigned()) {
    if (adopted.size() >= kRepeatsPerReport) break;
    if (worker.sees_root(farm.jobs.find(key.first)->plan->root)) adopted.push_back(key);
  }
  for (const PublishDuties::Key& key : adopted) assign(farm, key, worker.record.id);
}

void hand_over_duties(FarmState& farm, WorkerEntry& worker) {
  const auto duties = farm.duties.of(worker.record.id);  // a copy: assigning changes it
  for (const auto& [ordered, key] : duties) {
    farm.duties.unassign(key);
    const WorkerId server = publish_server(farm, farm.jobs.find(key.first)->plan->root, worker.record.id);
    if (server) assign(farm, key, server);
  }
}

void hand_over_lost_roots(FarmState& farm, WorkerEntry& worker) {
  const auto duties = farm.duties.of(worker.record.id);
  for (const auto& [ordered, key] : duties) {
    const std::string& root = farm.jobs.find(key.first)->plan->root;
    if (worker.sees_root(root)) continue;
    farm.duties.unassign(key);
    if (const WorkerId server = publish_server(farm, root, worker.record.id)) assign(farm, key, server);
  }
}

void collect_publish_orders(FarmState& farm) {
  auto& keys = farm.turn.publish_orders;
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  auto& orders = farm.turn.effects.publishes;
  for (const PublishDuties::Key& key : keys) {
    const Duty* duty = farm.duties.find(key);
    if (duty == nullptr || !duty->worker) continue;
    if (!orders.empty() && orders.back().phase == key.first && orders.back().tasks.end() == key.second &&
        orders.back().worker == duty->worker && orders.back().attempt == duty->attempt)
      ++orders.back().tasks.count;
    else
      orders.push_back({duty->worker, duty->attempt, key.first, {key.second, 1}});
  }
  keys.clear();
}

void sweep_job(FarmState& farm, JobEntry& job) {
  const bool any = std::any_of(job.phases.begin(), job.phases.end(), leaves_files);
  if (any) {
    farm.sweeps.try_emplace(job.record.id, WorkerId{}, base::Instant{INT64_MIN});
    for (auto& [id, worker] : farm.workers.all())
      if (!worker.silent && worker.known) repeat_sweeps(farm, worker);
  } else {
    job.record.swept = true;
    farm.turn.mark(job);
  }
}

void repeat_sweeps(FarmState& farm, WorkerEntry& worker) {
  std::uint32_t ordered = 0;
  for (auto& [id, order] : farm.sweeps) {
    if (ordered >= 16) return;
    auto& [server, at] = order;
    if (at != base::Instant{INT64_MIN} && at + kRepeatAfter > farm.now()) continue;
    const JobEntry& job = *farm.jobs.find(id);
    const bool sees = std::all_of(job.phases.begin(), job.phases.end(), [&](const PhaseEntry& phase) {
      return !leaves_files(phase) || worker.sees_root(phase.plan->root);
    });
    if (!sees || worker.record.revoked) continue;
    server = worker.record.id;
    at = farm.now();
    farm.turn.effects.discards.push_back({worker.record.id, id});
    ++ordered;
  }
}

void on_discarded(FarmState& farm, JobId id) {
  if (farm.sweeps.erase(id) == 0) return;
  JobEntry& job = *farm.jobs.find(id);
  job.record.swept = true;
  farm.turn.mark(job);
  farm.turn.touch(job);
}

}  // namespace framemill::scheduler
