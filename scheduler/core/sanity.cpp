#include "scheduler/core/sanity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "scheduler/core/policy/avoidance.h"
#include "scheduler/core/policy/publish_servers.h"
#include "scheduler/core/policy/queue_order.h"
#include "scheduler/core/policy/readiness.h"
#include "scheduler/core/policy/slot_fit.h"

namespace framemill::scheduler {
namespace {

std::string at(const PhaseEntry& phase, TaskIndex task) {
  return fmt::format(" (job {} phase {} task {})", phase.id.job.value, phase.id.index, task);
}

bool has_running_lease(const FarmState& farm, const PhaseEntry& phase, TaskIndex task) {
  for (const auto& [first, id] : phase.attempts) {
    const Lease* lease = farm.leases.find(id);
    if (lease != nullptr && !lease->expired && lease->record.tasks.contains(task)) return true;
  }
  return false;
}

std::string check_task(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, TaskIndex task,
                       TaskState state) {
  switch (state) {
    case TaskState::Ready:
      if (!needs_met(job, phase, task, {})) return "a ready task whose needs are not met" + at(phase, task);
      if (has_running_lease(farm, phase, task)) return "a ready task under a running lease" + at(phase, task);
      break;
    case TaskState::Waiting:
      if (needs_met(job, phase, task, {})) return "a waiting task that waits for nothing" + at(phase, task);
      if (has_running_lease(farm, phase, task)) return "a waiting task under a running lease" + at(phase, task);
      break;
    case TaskState::Leased:
      if (!has_running_lease(farm, phase, task)) return "a leased task without a lease" + at(phase, task);
      break;
    case TaskState::Committed:
      if (!farm.duties.all().contains({phase.id, task})) return "a committed task nobody publishes" + at(phase, task);
      break;
    default:
      break;
  }
  return {};
}

std::string check_groupings(const PhaseEntry& phase) {
  std::uint32_t single = 0, alone = 0;
  for (const auto& [task, trouble] : phase.troubles) {
    const bool ready = phase.tasks.at(task) == TaskState::Ready;
    if (trouble.grouping != (ready ? trouble.wanted_grouping() : Grouping::Common))
      return "a task in another grouping than its trouble says" + at(phase, task);
    if (trouble.grouping == Grouping::Common) continue;
    ++(trouble.grouping == Grouping::Single ? single : alone);
  }
  if (single != phase.single || alone != phase.alone) return "counts of groupings differ" + at(phase, 0);
  return {};
}

std::string check_phase(const FarmState& farm, const JobEntry& job, const PhaseEntry& phase, TaskCounts& totals) {
  StateCounts counted{};
  TaskIndex next = 0;
  std::optional<TaskState> before;
  for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()})) {
    if (run.tasks.first != next || run.tasks.empty()) return "runs that do not meet" + at(phase, next);
    if (before == run.state) return "neighbouring runs of one state" + at(phase, next);
    before = run.state;
    next = run.tasks.end();
    counted[static_cast<std::size_t>(run.state)] += run.tasks.count;
    for (TaskIndex t = run.tasks.first; t < run.tasks.end() && t < run.tasks.first + 64; ++t)
      if (std::string wrong = check_task(farm, job, phase, t, run.state); !wrong.empty()) return wrong;
  }
  if (next != phase.tasks.size() || counted != phase.tasks.counts()) return "counts differ from runs" + at(phase, 0);
  for (std::size_t i = 0; i < totals.size(); ++i) totals[i] += counted[i];
  std::uint32_t expired = 0;
  for (const auto& [first, id] : phase.attempts) {
    const Lease* lease = farm.leases.find(id);
    if (lease == nullptr || lease->record.phase != phase.id) return "an attempt that does not live" + at(phase, first);
    expired += lease->has_expired ? 1u : 0u;
  }
  if (expired != phase.expired_leases) return "a wrong count of leases that ran out" + at(phase, 0);
  return check_groupings(phase);
}

std::string check_holds(const FarmState& farm) {
  std::set<std::pair<base::WallTime, JobId>> timed;
  for (const auto& [id, job] : farm.jobs.all())
    for (const Hold& hold : job.record.holds)
      if (hold.until.unix_ms != 0) timed.emplace(hold.until, id);
  return timed == farm.timed_holds.all() ? "" : "the holds that end by themselves are not those of the jobs";
}

std::string check_drain_plans(const FarmState& farm) {
  std::set<std::pair<base::WallTime, WorkerId>> plans;
  for (const auto& [id, worker] : farm.workers.all()) {
    if (worker.record.drain_at.unix_ms == 0) continue;
    if (worker.record.drain_requested || worker.record.revoked)
      return "a drain planned of a worker that is out of service";
    plans.emplace(worker.record.drain_at, id);
  }
  return plans == farm.drain_plans.all() ? "" : "the planned drains are not those of the workers";
}

std::string check_waits(const FarmState& farm) {
  std::map<JobId, std::set<JobId>> waiters;
  std::set<std::pair<base::Instant, JobId>> looks;
  for (const auto& [id, job] : farm.jobs.all()) {
    for (const AwaitedJob& awaited : job.record.awaits) {
      waiters[awaited.job].insert(id);
      if (awaited.job >= id) return "a job that waits for itself or a later one";
      const JobEntry* other = farm.jobs.find(awaited.job);
      if (other != nullptr && (awaited.any_end ? other->final() : other->record.state == jobs::JobState::Done))
        return "a job that waits for one that is over";
    }
    const bool held = std::any_of(job.record.holds.begin(), job.record.holds.end(),
                                  [](const Hold& hold) { return hold.kind == jobs::HoldKind::AfterJob; });
    if (held != !job.record.awaits.empty()) return "a job that is held for others without waiting for any, or not held";
    if (job.deadline_look != base::kNever) looks.emplace(job.deadline_look, id);
    if (job.record.deadline.unix_ms == 0 && job.latest_start_ms != kNoRisk && job.deadline_look > farm.now())
      return "a rank by a deadline that is not there";
  }
  if (waiters != farm.waiters) return "those that wait for jobs are not those whose records say so";
  return looks == farm.deadline_looks ? "" : "the looks at deadlines are not those of the jobs";
}

std::string check_queue(const FarmState& farm) {
  ReadyQueue derived;
  for (const auto& [id, job] : farm.jobs.all()) {
    if (!job.may_be_granted()) continue;
    for (const PhaseEntry& phase : job.phases) {
      const Standing standing = standing_of(job, phase);
      derived.set({id, phase.id.index, Grouping::Common}, phase.common_class, standing, phase.ready_common());
      derived.set({id, phase.id.index, Grouping::Single}, phase.common_class, standing, phase.single);
      derived.set({id, phase.id.index, Grouping::Alone}, phase.alone_class, standing, phase.alone);
    }
  }
  return derived == farm.ready ? std::string() : "the ready queue differs from the tasks";
}

std::string check_slots(const FarmState& farm) {
  std::map<WorkerId, std::set<AttemptId>> held;
  for (const auto& [id, lease] : farm.leases.live()) held[lease.record.worker].insert(id);
  for (const auto& [id, worker] : farm.workers.all()) {
    if (worker.leases != held[id]) return "a worker's leases differ from the book";
    std::set<AttemptId> in_slots;
    for (const auto& [index, slot] : worker.slots) {
      std::uint32_t load = 0, exclusive = 0, windows = 0, booked = 0;
      for (const AttemptId attempt : slot.leases) {
        const Lease& lease = farm.leases.get(attempt);
        load += lease.parallel();
        exclusive += lease.demand.exclusive ? 1u : 0u;
        windows += lease.windows;
      }
      for (const ModelUse& use : slot.models) booked += use.windows;
      if (load != slot.load) return "a slot's load differs from its leases";
      if (exclusive != slot.exclusive) return "a slot's exclusive leases differ";
      if (exclusive > 0 && slot.leases.size() > 1) return "an exclusive lease that is not alone in its slot";
      if (windows != booked) return "booked windows differ from leases";
      in_slots.insert(slot.leases.begin(), slot.leases.end());
    }
    if (in_slots != worker.leases) return "slots hold other leases than their worker";
  }
  return {};
}

std::string check_at_work(const FarmState& farm) {
  std::map<ShareId, FarmState::AtWork> at_work;
  for (const auto& [id, job] : farm.jobs.all())
    if (job.attempts_live > 0) at_work[job.share].emplace(job.record.priority, -std::int64_t{id.value});
  return at_work == farm.at_work ? "" : "the jobs at work are not those that have attempts";
}

bool is_about(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::max({std::abs(a), std::abs(b), 1.0});
}

// What each node of the shares counts, from the leases, the ready work and the nodes below it.
std::string check_shares(const FarmState& farm) {
  struct Counted {
    double pending = 0, settled_below = 0;
    std::uint64_t waiting = 0;
    std::uint32_t leases = 0;
    std::set<SlotRef> slots;
  };
  std::map<ShareId, Counted> counted;
  const auto each_above = [&](ShareId leaf, auto&& count) {
    for (ShareId id = leaf; id; id = farm.shares.node(id).parent) count(counted[id]);
  };
  for (const auto& [id, lease] : farm.leases.live()) {
    if (lease.share != farm.jobs.get(lease.record.phase.job).share) return "a lease charged to another share";
    each_above(lease.share, [&](Counted& node) {
      node.pending += lease.charged;
      ++node.leases;
      node.slots.insert({lease.record.worker, lease.record.slot});
    });
  }
  for (const auto& [share, ready] : farm.ready.shares())
    each_above(share, [&](Counted& node) { node.waiting += ready.tasks; });
  for (const ShareNode& node : farm.shares.all())
    if (node.parent) counted[node.parent].settled_below += node.settled;
  for (const ShareNode& node : farm.shares.all()) {
    const Counted& its = counted[node.id];
    if (its.waiting != node.waiting) return fmt::format("share {} miscounts its ready tasks", node.path);
    if (its.leases != node.leases || its.slots.size() != node.slots)
      return fmt::format("share {} miscounts its slots", node.path);
    if (!is_about(its.pending, node.pending))
      return fmt::format("share {} is charged other than its leases say", node.path);
    if (!node.is_leaf() && !is_about(its.settled_below, node.settled))
      return fmt::format("share {} has used other than those below it", node.path);
    if (node.parent && node.in_line != (node.waiting > 0))
      return fmt::format("share {} stands in the wrong line", node.path);
  }
  return {};
}

std::string check_leases(const FarmState& farm) {
  for (const auto& [id, lease] : farm.leases.live()) {
    if (!lease.record.live || lease.record.id != id) return "an ended attempt among the living";
    if (lease.left != lease.record.tasks.count - lease.record.tasks_committed)
      return "a lease that miscounts what is left";
    const PhaseEntry* phase = farm.jobs.find(lease.record.phase);
    if (phase == nullptr || !phase->attempts.contains({lease.record.tasks.first, id}))
      return "a lease its phase ignores";
  }
  for (const auto& [key, duty] : farm.duties.all()) {
    const PhaseEntry* phase = farm.jobs.find(key.first);
    if (phase == nullptr || phase->tasks.at(key.second) != TaskState::Committed)
      return "a publish duty for a task that is not committed";
  }
  return {};
}

// A slot that is empty may be kept free for work that comes before: its device's memory is booked by other slots now.
bool is_kept_for_earlier(const FarmState& farm, const WorkerEntry& worker, const SlotEntry& slot, ShareId of,
                         const ReadyQueue::Ranked& work) {
  for (const auto& [id, queue] : farm.ready.classes())
    for (const auto& [share, line] : queue.shares) {
      // Which share came first may have changed since, as it was charged for what it got.
      if (share == of && !(line.begin()->first < work)) continue;
      const SlotFit fit = fit_of(farm.memory, farm.classes.of(id), worker, slot, farm.settings.leases_per_slot_max);
      if (fit.blocker == PlacementBlocker::MemoryBooked) return true;
    }
  return false;
}

std::vector<WorkerId> able_workers(const FarmState& farm, const Demand& demand) {
  std::vector<WorkerId> able;
  for (const auto& [id, worker] : farm.workers.all())
    if (std::any_of(worker.slots.begin(), worker.slots.end(), [&](const auto& slot) {
          return standing_misfit(farm.memory, demand, worker, slot.second) == PlacementBlocker::None;
        }))
      able.push_back(id);
  return able;
}

bool may_go_there(const FarmState& farm, const Place& place, const Demand& demand, WorkerId worker) {
  const JobEntry& job = farm.jobs.get(place.job);
  const PhaseEntry& phase = job.phases[place.phase];
  const Judges judges(judges_among(farm, job, phase.plan->layer, able_workers(farm, demand)));
  return task_for(farm, job, phase, place.grouping, worker, judges, 0).has_value();
}

// The first work of the class that the worker may have is kept from the slot by nothing.
bool should_be_busy(const FarmState& farm, const ReadyQueue::Class& queue, const Demand& demand,
                    const WorkerEntry& worker, const SlotEntry& slot) {
  if (!fit_of(farm.memory, demand, worker, slot, farm.settings.leases_per_slot_max).fits()) return false;
  for (const auto& [share, line] : queue.shares) {
    if (farm.is_in_the_way(demand, share, {worker.record.id, slot.state.index})) continue;
    const auto first = std::find_if(line.begin(), line.end(), [&](const auto& entry) {
      return may_go_there(farm, entry.first.place, demand, worker.record.id);
    });
    if (first != line.end() && !is_kept_for_earlier(farm, worker, slot, share, first->first)) return true;
  }
  return false;
}

// After a turn no slot of the farm is empty while work is ready that it could run; before a planned drain it may be.
std::string check_no_idle_slot(const FarmState& farm) {
  if (farm.read_only || farm.match_unfinished) return {};
  for (const auto& [class_id, queue] : farm.ready.classes())
    for (const auto& [id, worker] : farm.workers.all())
      for (const auto& [index, slot] : worker.slots)
        if (slot.leases.empty() && !at_publish_cap(farm, id) && worker.record.drain_at.unix_ms == 0 &&
            should_be_busy(farm, queue, farm.classes.of(class_id), worker, slot))
          return fmt::format("an empty slot of {} while work is ready for it", worker.record.name);
  return {};
}

// Each limit, and each cap of a share, is used by the slots with leases of it that last, and by no others.
std::string check_limits(const FarmState& farm) {
  std::uint32_t used_up = 0;
  for (const auto& [name, limit] : farm.limits.all()) {
    std::map<SlotRef, std::uint32_t> holders;
    for (const auto& [id, lease] : farm.leases.live())
      if (!lease.expired && farm.limits.uses(lease.demand, limit)) ++holders[{lease.record.worker, lease.record.slot}];
    if (holders != limit.holders) return fmt::format("limit {} is used by other slots than have leases of it", name);
    used_up += limit.is_used_up() ? 1u : 0u;
  }
  if ((used_up > 0) != farm.limits.any_used_up()) return "a wrong count of limits that are used up";
  return farm.caps.first_difference(farm.shares, farm.leases);
}

// Request classes are those of the phases in memory and no others.
std::string check_classes(const FarmState& farm) {
  std::set<ClassId> held;
  for (const auto& [id, job] : farm.jobs.all())
    for (const PhaseEntry& phase : job.phases) held.insert({phase.common_class, phase.alone_class});
  if (held.contains(0)) return "a phase without its request classes";
  if (held.size() != farm.classes.size()) return "request classes that nobody holds";
  for (const auto& [id, able] : farm.able_groups)
    if (!held.contains(id)) return "slots remembered for a request class that is gone";
  return {};
}

}  // namespace

std::string first_violation(const FarmState& farm) {
  std::uint32_t live_jobs = 0, attempts = 0;
  std::map<std::string, std::uint32_t> live_jobs_by_user;
  for (const auto& [id, job] : farm.jobs.all()) {
    TaskCounts totals{};
    attempts += job.attempts_live;
    live_jobs += job.final() ? 0u : 1u;
    if (!job.final()) ++live_jobs_by_user[job.record.submitted.principal];
    for (const PhaseEntry& phase : job.phases)
      if (std::string wrong = check_phase(farm, job, phase, totals); !wrong.empty()) return wrong;
    if (totals != job.totals) return "a job's totals differ from its phases";
    if (std::any_of(job.hosts.begin(), job.hosts.end(), [](const auto& host) { return host.second.aside; }) &&
        !farm.jobs_aside.contains(id))
      return "a worker that is set aside and not shown to be";
    if (job.record.state == jobs::JobState::Done && job.total(TaskState::Published) == 0)
      return "a done job without a task";
  }
  for (const JobId id : farm.jobs.at_rest())
    if (const JobEntry* job = farm.jobs.find(id); job == nullptr || !job->final() || job->attempts_live > 0)
      return "a job at rest that is not";
  if (live_jobs != farm.jobs.live_jobs()) return "a wrong count of live jobs";
  if (live_jobs_by_user != farm.jobs.live_jobs_by_user()) return "a wrong count of a person's live jobs";
  if (attempts != farm.leases.live().size()) return "a wrong count of live attempts";
  for (const auto& check : {check_holds, check_drain_plans, check_waits, check_queue, check_slots, check_at_work,
                            check_shares, check_leases, check_limits, check_no_idle_slot, check_classes})
    if (std::string wrong = check(farm); !wrong.empty()) return wrong;
  return {};
}

}  // namespace framemill::scheduler
