#include "sim/report_invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "sim/fact_reading.h"
#include "sim/world.h"

namespace framemill::sim {
namespace {

using scheduler::AttemptId;

const scheduler::WorkerRecord* record_of(const World& world, std::size_t worker) {
  for (const auto& [id, record] : world.scheduler.produced().all().of<scheduler::WorkerRecord>())
    if (record.key == world.plan.hosts[worker].key) return &record;
  return nullptr;
}

// What the newest report said of a worker is what the scheduler goes by, whatever came late.
Look newest_report_counts() {
  struct Said {
    std::uint64_t incarnation = 0, inventory_sequence = 0;
    bool draining = false;
    std::optional<bool> root_usable;  // of the newest inventory
  };
  return
      [said = std::map<std::size_t, Said>{}](const World& world, std::span<const Fact> facts) mutable -> std::string {
        std::set<std::size_t> heard;
        for (const Fact& fact : facts) {
          if (std::holds_alternative<SchedulerBegan>(fact)) said.clear();
          const auto* report = std::get_if<ReportReached>(&fact);
          if (report == nullptr || report->is_former) continue;
          heard.insert(report->worker);
          Said& of_worker = said[report->worker];
          if (of_worker.incarnation != report->incarnation) of_worker = {report->incarnation, 0, false, {}};
          if (report->is_newest) of_worker.draining = report->draining;
          if (report->root_usable && report->sequence > of_worker.inventory_sequence) {
            of_worker.inventory_sequence = report->sequence;
            of_worker.root_usable = report->root_usable;
          }
        }
        if (heard.empty() || !world.scheduler.alive()) return "";
        for (const scheduler::WorkerView& view : world.scheduler.core().list_workers(world.scheduler.now()))
          for (const std::size_t worker : heard) {
            if (view.key != world.plan.hosts[worker].key) continue;
            const Said& of_worker = said[worker];
            const bool drains = view.state == jobs::WorkerState::Draining || view.state == jobs::WorkerState::Drained;
            if (drains != (of_worker.draining || world.scheduler.core().worker(view.id)->drain_requested))
              return fmt::format("worker {} said that it {} and is {}", worker + 1,
                                 of_worker.draining ? "drains" : "does not drain", jobs::name(view.state));
            if (of_worker.root_usable && (view.roots.empty() || view.roots[0].usable != *of_worker.root_usable))
              return fmt::format("the inventory of worker {} was heard and does not count", worker + 1);
          }
        return "";
      };
}

// A report of the process before the present one is late, and changes nothing.
std::string former_process_is_not_heard(const World& world, std::span<const Fact> facts) {
  return for_each<ReportReached>(facts, [&](const ReportReached& report) -> std::string {
    const scheduler::WorkerRecord* record = record_of(world, report.worker);
    return report.is_former && record != nullptr && record->incarnation == report.incarnation
               ? fmt::format("a late report brought the former process of worker {} back", report.worker + 1)
               : "";
  });
}

// An attempt that a worker reports is on record as its own, or it is ordered to stop.
std::string unknown_is_revoked(const World& world, std::span<const Fact> facts) {
  const ReportReached* report = nullptr;
  for (const Fact& fact : facts) {
    if (const auto* reached = std::get_if<ReportReached>(&fact)) report = reached->is_newest ? reached : nullptr;
    const auto* turn = std::get_if<TurnTaken>(&fact);
    if (turn == nullptr || report == nullptr) continue;
    const scheduler::WorkerRecord* worker = record_of(world, report->worker);
    const auto& attempts = world.scheduler.produced().all().of<scheduler::AttemptRecord>();
    for (const AttemptId attempt : report->named) {
      const auto found = attempts.find(attempt);
      if (worker != nullptr && found != attempts.end() && found->second.live && found->second.worker == worker->id)
        continue;
      const auto& revokes = turn->effects->revokes;
      if (std::none_of(revokes.begin(), revokes.end(), [&](const auto& revoke) { return revoke.attempt == attempt; }))
        return fmt::format("worker {} reports attempt {}, which is not on record, and is not told to stop it",
                           report->worker + 1, attempt.text());
    }
    report = nullptr;
  }
  return "";
}

// A grant may come twice; it is followed once.
Look grants_are_followed_once() {
  return [prepared = std::set<AttemptId>{}, begun = std::set<AttemptId>{}](const World&,
                                                                           std::span<const Fact> facts) mutable {
    for (const Fact& fact : facts) {
      if (const auto* asked = std::get_if<StagingAsked>(&fact); asked && !prepared.insert(asked->attempt).second)
        return fmt::format("worker {} took the grant of attempt {} twice", asked->worker + 1, asked->attempt.text());
      if (const auto* began = std::get_if<WorkBegan>(&fact); began && !begun.insert(began->attempt).second)
        return fmt::format("worker {} began attempt {} twice", began->worker + 1, began->attempt.text());
    }
    return std::string();
  };
}

// The directory of an attempt goes when nobody writes into it any more.
Look nothing_is_swept_at_work() {
  return [at_work = std::set<AttemptId>{}](const World&, std::span<const Fact> facts) mutable {
    for (const Fact& fact : facts) {
      if (const auto* began = std::get_if<WorkBegan>(&fact)) at_work.insert(began->attempt);
      if (const auto* ended = std::get_if<WorkEnded>(&fact)) at_work.erase(ended->attempt);
      if (const auto* swept = std::get_if<StagingSwept>(&fact); swept && at_work.contains(swept->attempt))
        return fmt::format("the staging directory of attempt {} went while it was at work", swept->attempt.text());
    }
    return std::string();
  };
}

}  // namespace

std::vector<Invariant> report_invariants() {
  return {
      {"the newest report counts", "P8", newest_report_counts()},
      {"a former process is not heard", "P8", former_process_is_not_heard},
      {"what is not on record is revoked", "P2", unknown_is_revoked},
      {"a grant is followed once", "P2", grants_are_followed_once()},
      {"no staging directory goes while it is written", "P3", nothing_is_swept_at_work()},
  };
}

}  // namespace framemill::sim
