#include "scheduler/core/acts/reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "jobs/attempt_error.h"
#include "scheduler/core/acts/attempts.h"
#include "scheduler/core/acts/blame.h"
#include "scheduler/core/acts/file_watching.h"
#include "scheduler/core/acts/manifests.h"
#include "scheduler/core/acts/publish_orders.h"
#include "scheduler/core/acts/publishing.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/sweeps.h"
#include "scheduler/core/acts/take_back.h"
#include "scheduler/core/acts/view_marking.h"
#include "scheduler/core/policy/missing_files.h"
#include "scheduler/core/policy/slot_fit.h"

namespace framemill::scheduler {
namespace {

using jobs::RevokeReason;

// A grant may still be on its way, and what ended may be told by the next report only.
constexpr base::Duration kNamedGrace = base::seconds(5);
// How long a worker may be without a root before its work there goes to others: storage that hangs often comes back.
constexpr base::Duration kRootGrace = base::seconds(15);
constexpr std::size_t kRootsKnownMax = 1'024;

void say_worker(FarmState& farm, WorkerEntry& worker, WorkerEvent::What what, std::string detail) {
  show_at_once(farm, worker);
  farm.turn.say(WorkerEvent{what, worker.record.id, std::move(detail)});
}

WorkerEntry& worker_of(FarmState& farm, const WorkerReported& report) {
  if (WorkerEntry* known = farm.workers.find_key(report.key)) return *known;
  WorkerRecord record;
  record.id = WorkerId(++farm.counters.last_worker);
  farm.turn.counters = true;
  record.key = report.key;
  record.name = report.inventory ? report.inventory->name : fmt::format("worker {}", record.id.value);
  record.last_change = {"scheduler", farm.turn.now.wall, "first report"};
  WorkerEntry& worker = farm.workers.add(std::move(record));
  farm.turn.mark(worker);
  say_worker(farm, worker, WorkerEvent::What::Joined, worker.record.name);
  return worker;
}

void acknowledge(FarmState& farm, const WorkerEntry& worker, const WorkerReported& report, std::string refused) {
  AcknowledgeReport ack;
  ack.worker = worker.record.id;
  ack.incarnation = report.incarnation;
  ack.sequence = report.sequence;
  const bool busy = !worker.leases.empty() || !farm.duties.of(worker.record.id).empty();
  ack.next_report = busy ? farm.settings.report_interval : farm.settings.idle_report_interval;
  ack.drain = worker.record.drain_requested;
  ack.send_inventory = !worker.known;
  ack.refused = std::move(refused);
  farm.turn.effects.acknowledgements.push_back(std::move(ack));
}

// A new process of the worker: it holds nothing of the former one but the finished tasks that it has just delivered.
void begin_incarnation(FarmState& farm, WorkerEntry& worker, std::uint64_t incarnation) {
  if (worker.record.incarnation == incarnation) return;
  const std::set<AttemptId> former = worker.leases;
  for (const AttemptId id : former) on_attempt_lost(farm, id, "its worker restarted");
  worker.former_incarnation = worker.record.incarnation;
  worker.record.incarnation = incarnation;
  worker.sequence = worker.inventory_sequence = 0;
  worker.known = false;
  worker.tells_publishing = false;
  for (auto& [index, slot] : worker.slots) slot.batch_cap = kSlotBatchCap;
  on_worker_restarted(farm, worker);
  farm.on_worker_changed(worker);
  farm.turn.mark(worker);
  say_worker(farm, worker, WorkerEvent::What::Started, worker.record.name);
}

// All hosts must mean one tree by a root's name: the first id reported becomes the farm's, and a host whose marker has
// another one, or none, has another tree mounted there.
void compare_root_ids(FarmState& farm, Inventory& inventory) {
  for (RootSeen& root : inventory.roots) {
    if (!root.tells_id || !(root.usable || root.readable)) continue;
    const auto known = farm.root_ids.find(root.name);
    if (known == farm.root_ids.end()) {
      if (root.id.empty() || farm.root_ids.size() >= kRootsKnownMax) continue;
      farm.root_ids.emplace(root.name, root.id);
      farm.turn.put(RootRecord{root.name, root.id});
      continue;
    }
    if (known->second == root.id) continue;
    root.usable = root.readable = false;
    root.problem =
        fmt::format("root {} is another tree here than on the farm's other hosts: its marker has {}, the farm's is {}",
                    root.name, root.id.empty() ? "no id" : "the id " + root.id, known->second);
  }
}

void note_lost_roots(FarmState& farm, WorkerEntry& worker) {
  std::map<std::string, base::Instant> lost;
  for (const RootSeen& root : worker.inventory.roots)
    if (!root.usable && !root.readable) {
      const auto before = worker.roots_lost.find(root.name);
      lost.emplace(root.name, before == worker.roots_lost.end() ? farm.now() : before->second);
      if (before == worker.roots_lost.end() && worker.known)
        say_worker(
            farm, worker, WorkerEvent::What::LostRoot,
            fmt::format("{}: {}", worker.record.name, root.problem.empty() ? "root " + root.name : root.problem));
    }
  worker.roots_lost = std::move(lost);
  hand_over_lost_roots(farm, worker);
}

void take_inventory(FarmState& farm, WorkerEntry& worker, Inventory inventory) {
  compare_root_ids(farm, inventory);
  farm.workers.take_inventory(worker, inventory);
  note_lost_roots(farm, worker);
  if (!inventory.name.empty() && worker.record.name != inventory.name) {
    worker.record.name = inventory.name;
    farm.turn.mark(worker);
  }
  farm.on_worker_changed(worker);
  say_worker(farm, worker, WorkerEvent::What::InventoryChanged, worker.record.name);
}

void revoke_unknown(FarmState& farm, const WorkerEntry& worker, AttemptId attempt, std::set<AttemptId>& revoked) {
  // The directory of an attempt with files that wait for their names must not be swept.
  const RevokeReason reason =
      farm.leases.remembered(attempt) == nullptr ? RevokeReason::Unknown : RevokeReason::Cancelled;
  if (revoked.insert(attempt).second) farm.turn.effects.revokes.push_back({worker.record.id, attempt, reason, {}});
}

// A report names a file that is not one of the task's: nothing that the worker says of this attempt is accepted any more.
// It is the host's fault and is charged to no job.
void end_unbelieved(FarmState& farm, WorkerEntry& worker, AttemptId attempt, TaskIndex task,
                    std::set<AttemptId>& revoked) {
  const Lease& lease = farm.leases.get(attempt);
  const bool keep = farm.jobs.get(lease.record.phase).tasks.any(lease.record.tasks, TaskState::Committed);
  if (revoked.insert(attempt).second)
    farm.turn.effects.revokes.push_back(
        {worker.record.id, attempt, keep ? RevokeReason::Cancelled : RevokeReason::Unknown, {}});
  AttemptEnded ended;
  ended.attempt = attempt;
  ended.outcome = jobs::Outcome::Hardware;
  ended.code = "commit.unplanned_file";
  ended.message = fmt::format("The worker {} reported a file that is not one of task {}.", worker.record.name, task);
  ended.failed_tasks = {task};
  on_attempt_ended(farm, worker, ended);
  say_worker(farm, worker, WorkerEvent::What::ReportedUnplannedFile, ended.message);
}

void take_finished(FarmState& farm, WorkerEntry& worker, std::vector<TaskFinished>& all, std::set<AttemptId>& revoked) {
  for (TaskFinished& finished : all) {
    const AttemptId attempt = finished.attempt;
    const TaskIndex task = finished.task;
    const CommitAnswer answer = commit_task(farm, worker, std::move(finished));
    if (answer == CommitAnswer::Unplanned) end_unbelieved(farm, worker, attempt, task, revoked);
    if (answer != CommitAnswer::Refused) continue;
    if (const Lease* lease = farm.leases.find(attempt); lease != nullptr && lease->record.worker == worker.record.id) {
      // Here, too: what it committed before may still lie in its directory.
      const PhaseEntry& phase = farm.jobs.get(lease->record.phase);
      const bool keep = phase.tasks.any(lease->record.tasks, TaskState::Committed);
      revoked.insert(attempt);
      revoke_attempt(farm, attempt, keep ? RevokeReason::Cancelled : RevokeReason::Unknown);
    } else {
      revoke_unknown(farm, worker, attempt, revoked);
    }
  }
}

// Its work there is done elsewhere; what it still writes is refused when it comes.
void end_leases_without_root(FarmState& farm, WorkerEntry& worker) {
  if (worker.roots_lost.empty()) return;
  const auto is_over = [&](const std::string& root) {
    const auto lost = worker.roots_lost.find(root);
    return lost != worker.roots_lost.end() && lost->second + kRootGrace < farm.now();
  };
  std::vector<AttemptId> ended;
  for (const AttemptId id : worker.leases) {
    const std::vector<std::string>& roots = farm.leases.get(id).demand.roots;
    if (std::any_of(roots.begin(), roots.end(), is_over)) ended.push_back(id);
  }
  for (const AttemptId id : ended) {
    on_attempt_lost(farm, id, "its worker lost the root");
    farm.turn.effects.revokes.push_back({worker.record.id, id, RevokeReason::Unknown, {}});
  }
}

// A layer's own timeout is the longest that a program may be quiet.
base::Duration progress_timeout(FarmState& farm, const Lease& lease) {
  const PhaseEntry& phase = farm.jobs.get(lease.record.phase);
  const base::Duration own = farm.job_of(phase.id).layer_of(phase).timeout.value_or(base::Duration{});
  return std::max(farm.settings.progress_timeout, own);
}

// Whether the lease goes on: it does as long as its attempt does.
bool makes_progress(FarmState& farm, Lease& lease, const AttemptRunning& running) {
  if (running.moves == 0 || running.moves != lease.activity.moves) lease.moved_at = farm.now();
  return farm.now() < lease.moved_at + progress_timeout(farm, lease);
}

// Named by its worker, and nothing comes of it: it is taken back and granted to others, without a charge.
void end_without_progress(FarmState& farm, const WorkerEntry& worker, AttemptId attempt, std::set<AttemptId>& revoked) {
  const Lease& lease = farm.leases.get(attempt);
  const std::string message =
      fmt::format("it made no progress on {} for {}", worker.record.name, duration_text(progress_timeout(farm, lease)));
  const PhaseEntry& phase = farm.jobs.get(lease.record.phase);
  const bool keep = phase.tasks.any(lease.record.tasks, TaskState::Committed);
  if (revoked.insert(attempt).second)
    farm.turn.effects.revokes.push_back(
        {worker.record.id, attempt, keep ? RevokeReason::NoProgress : RevokeReason::Unknown, {}});
  on_attempt_lost(farm, attempt, message, jobs::AttemptError::NoProgress);
}

// The word that part of the lease was taken back did not arrive: it is repeated until the worker reports what it keeps.
void repeat_take_back(FarmState& farm, const Lease& lease, TaskRange reported) {
  const TaskRange keep = lease.record.tasks;
  if (reported.empty() || reported == keep || keep.first < reported.first || keep.end() > reported.end()) return;
  farm.turn.effects.revokes.push_back({lease.record.worker, lease.record.id, jobs::RevokeReason::TakenBack, keep});
}

// Other attempts made its tasks, or nobody will: the worker sweeps it. Not where a file may still get its name from there:
// a committed task's may be this attempt's, and those of one whose publishing failed wait for a retry.
void sweep_staged(FarmState& farm, const WorkerEntry& worker, const StagedAttempt& staged,
                  std::set<AttemptId>& revoked) {
  if (farm.leases.find(staged.attempt) != nullptr || farm.leases.remembered(staged.attempt) != nullptr) return;
  if (const PhaseEntry* phase = farm.jobs.find(staged.phase))
    for (const TaskIndex task : staged.tasks)
      if (task < phase->tasks.size() &&
          (phase->tasks.at(task) == TaskState::Committed || failed_files_stay(*phase, task)))
        return;
  revoke_unknown(farm, worker, staged.attempt, revoked);
}

// What the worker holds against what is on record. Only the newest report tells.
void compare_running(FarmState& farm, WorkerEntry& worker, const WorkerReported& report, std::set<AttemptId>& revoked) {
  std::set<AttemptId> named, still;
  for (const AttemptRunning& running : report.running) {
    Lease* lease = farm.leases.find(running.attempt);
    if (lease == nullptr || lease->record.worker != worker.record.id) {
      revoke_unknown(farm, worker, running.attempt, revoked);
      continue;
    }
    named.insert(running.attempt);
    const bool goes_on = makes_progress(farm, *lease, running);
    auto output = running.output ? running.output : std::move(lease->activity.output);
    lease->activity = running;
    lease->activity.output = std::move(output);
    farm.recharge(farm.jobs.get(lease->record.phase), *lease);
    repeat_take_back(farm, *lease, running.tasks);
    // A lease is renewed by a worker that can go on with it: one whose root is gone here cannot.
    if (!goes_on)
      still.insert(running.attempt);
    else if (worker.roots_lost.empty() || serves_roots(worker, lease->demand))
      renew_lease(farm, *lease);
  }
  for (const AttemptId id : still) end_without_progress(farm, worker, id, revoked);
  end_leases_without_root(farm, worker);
  std::vector<AttemptId> missing;
  for (const AttemptId id : worker.leases)
    if (!named.contains(id) && farm.leases.get(id).named_at + kNamedGrace < farm.now()) missing.push_back(id);
  for (const AttemptId id : missing) on_attempt_lost(farm, id, "its worker no longer holds it");
  // After a restart, too, it is known only now what has begun.
  if (worker.record.drain_requested) take_back_unbegun(farm, worker);
}

}  // namespace

void on_worker_reported(FarmState& farm, WorkerReported report) {
  WorkerEntry& worker = worker_of(farm, report);
  if (worker.record.revoked) return acknowledge(farm, worker, report, "this worker was removed by an administrator");
  // A message of the process before the present one, late on the wire.
  if (report.incarnation != worker.record.incarnation && report.incarnation == worker.former_incarnation &&
      worker.former_incarnation != 0)
    return;
  worker.address = report.address;
  show_later(farm, worker);
  const bool was_silent = worker.silent;
  farm.workers.heard(worker, farm.now(), farm.settings.silence_alarm);
  if (was_silent) {
    farm.on_worker_changed(worker);
    say_worker(farm, worker, WorkerEvent::What::Heard, worker.record.name);
  }
  if (std::exchange(worker.missed_grant, false)) farm.on_worker_changed(worker);

  std::set<AttemptId> revoked;
  take_finished(farm, worker, report.finished, revoked);
  for (const AttemptEnded& ended : report.ended) on_attempt_ended(farm, worker, ended);
  const bool restarted = worker.record.incarnation != report.incarnation;
  begin_incarnation(farm, worker, report.incarnation);
  for (const TasksPublished& published : report.published) on_published(farm, published);
  for (const PublishFailed& failed : report.publish_failed) on_publish_failed(farm, worker.record.id, failed);
  for (const JobId job : report.discarded) on_discarded(farm, job);
  for (const ManifestWritten& written : report.manifests) on_manifest_written(farm, worker.record.id, written);

  // By its own number: a report that says nothing of it may have overtaken this one, which is acknowledged all the same
  // and not said again.
  if (report.inventory && report.sequence > worker.inventory_sequence) {
    worker.inventory_sequence = report.sequence;
    take_inventory(farm, worker, *report.inventory);
  }
  if (report.sequence > worker.sequence) {
    worker.sequence = report.sequence;
    if (worker.draining != report.draining) {
      worker.draining = report.draining;
      farm.on_worker_changed(worker);
      say_worker(farm, worker, worker.draining ? WorkerEvent::What::Draining : WorkerEvent::What::Undrained,
                 worker.record.name);
    }
    compare_running(farm, worker, report, revoked);
    for (const StagedAttempt& staged : report.staged) sweep_staged(farm, worker, staged, revoked);
    for (const FilesLookedFor& looked : report.looked_for) on_files_looked_for(farm, worker, looked);
  }
  if (restarted) hand_over_duties(farm, worker);
  repeat_duties(farm, worker, report);
  adopt_duties(farm, worker);
  if (!farm.manifests.empty()) repeat_manifests(farm, worker);
  if (!farm.sweeps.empty()) repeat_sweeps(farm, worker);
  acknowledge(farm, worker, report, {});
}

void on_worker_key_contested(FarmState& farm, const WorkerKeyContested& event) {
  WorkerEntry* worker = farm.workers.find_key(event.key);
  if (worker == nullptr) return;
  // It tries again every second: said once per place and while it lasts.
  const bool known = worker->other_address == event.address && farm.now() - worker->other_seen < kKeyContestedShown;
  worker->other_address = event.address;
  worker->other_seen = farm.now();
  if (known) return;
  say_worker(
      farm, *worker, WorkerEvent::What::KeyContested,
      fmt::format("a process at {} shows the key of {}, which is at {}; it is refused: every worker needs a key of "
                  "its own",
                  event.address, worker->record.name, worker->address));
}

void on_grant_undeliverable(FarmState& farm, const GrantUndeliverable& e) {
  const Lease* lease = farm.leases.find(e.attempt);
  WorkerEntry* worker = lease == nullptr ? nullptr : farm.workers.find(lease->record.worker);
  if (worker == nullptr) return;
  const jobs::AttemptErrorRow& row = jobs::attempt_error_row(e.error);
  if (row.outcome == jobs::Outcome::Revoked) {
    // Nothing of it has begun. Without a pause the next grant would meet the same end at once.
    worker->missed_grant = true;
    farm.on_worker_changed(*worker);
    return on_grant_lost(farm, e.attempt, e.error, e.message);
  }
  AttemptEnded ended;
  ended.attempt = e.attempt;
  ended.outcome = row.outcome;
  ended.code = row.code;
  ended.message = e.message;
  on_attempt_ended(farm, *worker, ended);
}

void mark_silent_workers(FarmState& farm) {
  while (WorkerEntry* worker = farm.workers.next_silent(farm.now(), farm.settings.silence_alarm)) {
    farm.on_worker_changed(*worker);
    say_worker(farm, *worker, WorkerEvent::What::WentSilent, worker->record.name);
    hand_over_duties(farm, *worker);
  }
}

}  // namespace framemill::scheduler
