#include "sim/lease_invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/fact_reading.h"
#include "sim/world.h"

namespace framemill::sim {
namespace {

using scheduler::AttemptId;

// A child that is ordered to stop has ended by then, whatever it does.
constexpr base::Duration kStopsWithin = base::seconds(1);

// Until when the scheduler gives an attempt's tasks to nobody else, as far as it has said so: the lease's time from the
// grant, or from the last report that named the attempt. A restart and a late turn only make it longer.
class Leases {
 public:
  void see(const World& world, const Fact& fact) {
    const base::Instant until = world.time.now() + world.plan.settings.lease_ttl;
    if (const auto* turn = std::get_if<TurnTaken>(&fact))
      for (const scheduler::GrantLease& grant : turn->effects->grants) until_[grant.attempt] = until;
    // One that was overtaken renews nothing.
    if (const auto* report = std::get_if<ReportReached>(&fact); report != nullptr && report->is_newest)
      for (const AttemptId attempt : report->named)
        if (const auto lease = until_.find(attempt); lease != until_.end()) lease->second = until;
  }
  base::Instant of(AttemptId attempt) const {
    const auto lease = until_.find(attempt);
    return lease == until_.end() ? base::Instant{} : lease->second;
  }

 private:
  std::map<AttemptId, base::Instant> until_;
};

// A lease that no report has renewed for its time holds no task any more, whatever became of its worker. A late turn and
// a restart move it, so only a scheduler that was there all the time is judged.
Look leases_run_out() {
  struct Held {
    jobs::PhaseId phase;
    jobs::TaskRange tasks;
  };
  return [leases = Leases{}, held = std::map<AttemptId, Held>{}, since = base::Instant{}](
             const World& world, std::span<const Fact> facts) mutable -> std::string {
    for (const Fact& fact : facts) {
      leases.see(world, fact);
      if (std::holds_alternative<SchedulerBegan>(fact)) {
        since = world.time.now();
        held.clear();  // what was not durable has not happened
        for (const auto& [id, attempt] : world.scheduler.produced().all().of<scheduler::AttemptRecord>())
          if (attempt.live) held[id] = {attempt.phase, attempt.tasks};
      }
      const auto* turn = std::get_if<TurnTaken>(&fact);
      if (turn == nullptr) continue;
      for (const scheduler::GrantLease& grant : turn->effects->grants) held[grant.attempt] = {grant.phase, grant.tasks};
      for (const scheduler::Record& record : turn->effects->persist.puts)
        if (const auto* attempt = std::get_if<scheduler::AttemptRecord>(&record); attempt && !attempt->live)
          held.erase(attempt->id);
    }
    if (!has_turn(facts) || !world.scheduler.alive()) return "";
    const base::Instant there = std::max(since, world.scheduler_process.still_until()) + world.plan.settings.lease_ttl;
    const base::Instant now = world.time.now() - base::seconds(5);
    if (now < there) return "";
    for (const auto& [id, lease] : held) {
      if (leases.of(id) > now) continue;
      for (jobs::TaskIndex task = lease.tasks.first; task < lease.tasks.end(); ++task) {
        const bool by_another =
            std::any_of(held.begin(), held.end(), [&, self = id, phase = lease.phase](const auto& other) {
              return other.first != self && other.second.phase == phase && other.second.tasks.contains(task) &&
                     leases.of(other.first) > now;
            });
        if (world.scheduler.core().task_state(lease.phase, task) == jobs::TaskState::Leased && !by_another)
          return fmt::format("{} is held by attempt {}, whose lease ran out", text(lease.phase, task), id.text());
      }
    }
    return "";
  };
}

Look unproven_begins_nothing() {
  return [leases = Leases{}](const World& world, std::span<const Fact> facts) mutable -> std::string {
    for (const Fact& fact : facts) {
      leases.see(world, fact);
      const auto* began = std::get_if<WorkBegan>(&fact);
      if (began == nullptr) continue;
      if (world.time.now() >= leases.of(began->attempt) - world.plan.settings.lease_ttl / 4)
        return fmt::format("worker {} began attempt {} inside the margin of its lease", began->worker + 1,
                           began->attempt.text());
    }
    return "";
  };
}

Look unproven_children_are_stopped() {
  return [leases = Leases{}, running = std::map<AttemptId, std::size_t>{}](
             const World& world, std::span<const Fact> facts) mutable -> std::string {
    for (const Fact& fact : facts) {
      leases.see(world, fact);
      if (const auto* began = std::get_if<WorkBegan>(&fact); began && began->child)
        running[began->attempt] = began->worker;
      if (const auto* ended = std::get_if<WorkEnded>(&fact)) running.erase(ended->attempt);
    }
    for (const auto& [attempt, worker] : running) {
      const base::Instant awake = world.workers[worker]->stood_still_until() + base::seconds(1);
      const base::Instant margin = leases.of(attempt) - world.plan.settings.lease_ttl / 4;
      if (world.time.now() > std::max(margin + kStopsWithin, awake))
        return fmt::format("worker {} works on at attempt {} inside the margin of its lease", worker + 1,
                           attempt.text());
    }
    return "";
  };
}

// Attempts on record as live, by what the scheduler's turns said.
struct Held {
  jobs::PhaseId phase;
  jobs::TaskRange tasks;
  base::Instant until;  // nobody else gets its tasks before
};

// Renewed by a report that is its worker's newest and sees the root; the others tell nothing of the present.
class HeldLeases {
 public:
  void see(const World& world, const Fact& fact) {
    const base::Instant until = world.time.now() + world.plan.settings.lease_ttl;
    if (std::holds_alternative<SchedulerBegan>(fact)) {
      held_.clear();
      for (const auto& [id, attempt] : world.scheduler.produced().all().of<scheduler::AttemptRecord>())
        if (attempt.live) held_[id] = {attempt.phase, attempt.tasks, {}};
      for (auto& [id, lease] : held_)
        if (world.scheduler.alive() && lasts_over_a_restart(world, id, lease)) lease.until = until;
    }
    if (const auto* report = std::get_if<ReportReached>(&fact); report != nullptr && report->is_newest)
      for (const AttemptId attempt : report->named)
        if (const auto lease = held_.find(attempt);
            lease != held_.end() && !world.workers[report->worker]->may_lack_root())
          lease->second.until = until;
    if (const auto* turn = std::get_if<TurnTaken>(&fact)) {
      for (const scheduler::GrantLease& grant : turn->effects->grants)
        held_[grant.attempt] = {grant.phase, grant.tasks, until};
      // Behind the grants: what a turn granted may have given way in the same turn.
      for (const scheduler::Record& record : turn->effects->persist.puts)
        if (const auto* attempt = std::get_if<scheduler::AttemptRecord>(&record)) put(*attempt);
    }
  }
  // Another attempt that holds the task and whose lease lasts; nullptr: none.
  const AttemptId* other_holder(const scheduler::GrantLease& grant, jobs::TaskIndex task, base::Instant now) const {
    for (const auto& [id, lease] : held_)
      if (id != grant.attempt && lease.phase == grant.phase && lease.tasks.contains(task) && now < lease.until)
        return &id;
    return nullptr;
  }

 private:
  // It had not run out, and holds its tasks alone; of others nothing is said before a report renews them.
  bool lasts_over_a_restart(const World& world, AttemptId id, const Held& lease) const {
    for (jobs::TaskIndex task = lease.tasks.first; task < lease.tasks.end(); ++task) {
      if (world.scheduler.core().task_state(lease.phase, task) != jobs::TaskState::Leased) return false;
      for (const auto& [other, also] : held_)
        if (other != id && also.phase == lease.phase && also.tasks.contains(task)) return false;
    }
    return true;
  }

  void put(const scheduler::AttemptRecord& record) {
    const auto lease = held_.find(record.id);
    if (lease == held_.end()) return;
    if (record.live)
      lease->second.tasks = record.tasks;  // some may have been taken back
    else
      held_.erase(lease);
  }
  std::map<AttemptId, Held> held_;
};

Look tasks_are_given_once() {
  return [held = HeldLeases{}](const World& world, std::span<const Fact> facts) mutable -> std::string {
    for (const Fact& fact : facts) {
      held.see(world, fact);
      const auto* turn = std::get_if<TurnTaken>(&fact);
      if (turn == nullptr) continue;
      for (const scheduler::GrantLease& grant : turn->effects->grants)
        for (jobs::TaskIndex task = grant.tasks.first; task < grant.tasks.end(); ++task)
          if (const AttemptId* other = held.other_holder(grant, task, world.time.now()))
            return fmt::format("{} was given to attempt {} while the lease of attempt {} lasts",
                               text(grant.phase, task), grant.attempt.text(), other->text());
    }
    return "";
  };
}

constexpr std::string_view kCapOf = "show ";

// What an attempt uses one of: the limits that its layer names, its model's, and the slots that its show may have.
std::vector<std::string> limits_of(const World& world, jobs::PhaseId phase) {
  std::vector<std::string> limits;
  const scheduler::JobRecord* job = world.scheduler.core().job(phase.job);
  if (job == nullptr) return limits;
  const jobs::LayerSpec& layer = job->spec->layers[job->plan->phases[phase.index].layer];
  limits = layer.limits;
  if (world.plan.settings.limits.models.contains(layer.model())) limits.push_back(layer.model());
  limits.push_back(std::string(kCapOf) + job->spec->show);
  return limits;
}

std::uint32_t count_of(const World& world, const std::string& limit) {
  if (limit.starts_with(kCapOf)) {
    const auto rules = world.plan.settings.shares.rules.find(limit.substr(kCapOf.size()));
    return rules == world.plan.settings.shares.rules.end() ? UINT32_MAX : rules->second.slots_max.value_or(UINT32_MAX);
  }
  const auto& [tokens, models, programs] = world.plan.settings.limits;
  const auto token = tokens.find(limit);
  return token != tokens.end() ? token->second : models.at(limit);
}

// Slots with attempts whose leases last, by limit; where the scheduler forgot one, so does this.
Look limits_are_kept() {
  struct Use {
    std::vector<std::string> limits;
    std::pair<jobs::WorkerId, std::uint32_t> slot;
  };
  return [leases = Leases{}, used = std::map<AttemptId, Use>{}](const World& world,
                                                                std::span<const Fact> facts) mutable -> std::string {
    for (const Fact& fact : facts) {
      leases.see(world, fact);
      if (std::holds_alternative<SchedulerBegan>(fact)) {
        const auto& attempts = world.scheduler.produced().all().of<scheduler::AttemptRecord>();
        std::erase_if(used, [&](const auto& use) {
          const auto record = attempts.find(use.first);
          return record == attempts.end() || !record->second.live;
        });
      }
      const auto* turn = std::get_if<TurnTaken>(&fact);
      if (turn == nullptr || !world.scheduler.alive()) continue;
      for (const scheduler::GrantLease& grant : turn->effects->grants)
        used[grant.attempt] = {limits_of(world, grant.phase), {grant.worker, grant.slot}};
      // What gave way in the turn in which it was granted was never begun.
      for (const scheduler::Record& record : turn->effects->persist.puts)
        if (const auto* attempt = std::get_if<scheduler::AttemptRecord>(&record); attempt && !attempt->live)
          used.erase(attempt->id);
      for (const scheduler::GrantLease& grant : turn->effects->grants) {
        const auto use_of_grant = used.find(grant.attempt);
        if (use_of_grant == used.end()) continue;
        for (const std::string& limit : use_of_grant->second.limits) {
          std::set<std::pair<jobs::WorkerId, std::uint32_t>> slots;
          for (const auto& [id, use] : used)
            if (leases.of(id) > world.time.now() &&
                std::find(use.limits.begin(), use.limits.end(), limit) != use.limits.end())
              slots.insert(use.slot);
          if (slots.size() > count_of(world, limit))
            return fmt::format("{} slots use limit {}, of which there are {}", slots.size(), limit,
                               count_of(world, limit));
        }
      }
    }
    return "";
  };
}

}  // namespace

std::vector<Invariant> lease_invariants() {
  return {
      {"limits are kept", "P7", limits_are_kept()},
      {"a lease runs out", "P7", leases_run_out()},
      {"a task is given once while its lease lasts", "P2", tasks_are_given_once()},
      {"without proof nothing begins", "P6", unproven_begins_nothing()},
      {"without proof commands are stopped", "P6", unproven_children_are_stopped()},
  };
}

}  // namespace framemill::sim
