#include "scheduler/core/acts/persist.h"

#include <algorithm>

#include "scheduler/core/acts/share_records.h"

namespace framemill::scheduler {
namespace {

template <class Name>
std::vector<Name> in_order(std::vector<Name>& names) {
  std::vector<Name> sorted;
  sorted.swap(names);
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

void put_troubles(FarmState& farm, Persist& persist) {
  for (const auto& [id, task] : in_order(farm.turn.troubles)) {
    PhaseEntry& phase = farm.jobs.get(id);
    const auto trouble = phase.troubles.find(task);
    if (trouble == phase.troubles.end()) continue;
    trouble->second.dirty = false;
    persist.puts.emplace_back(trouble->second.record);
    // Erased and made again within one turn: the new one stands.
    std::erase(persist.troubles_erased, std::pair{id, task});
  }
}

}  // namespace

PhaseRecord record_of(const PhaseEntry& phase) {
  PhaseRecord record;
  record.id = phase.id;
  record.state = phase.state;
  record.counts = phase.tasks.counts();
  record.device_class = phase.device_class;
  record.tally = phase.tally;
  record.file_waits = phase.files.kept;
  return record;
}

void write_dirty_records(FarmState& farm) {
  Turn& turn = farm.turn;
  write_share_usage(farm);
  Persist& persist = turn.effects.persist;
  if (turn.counters) persist.puts.emplace_back(farm.counters);
  turn.counters = false;
  for (const WorkerId id : in_order(turn.workers)) {
    WorkerEntry& worker = farm.workers.get(id);
    worker.dirty = false;
    persist.puts.emplace_back(worker.record);
  }
  for (const JobId id : in_order(turn.jobs)) {
    JobEntry& job = farm.jobs.get(id);
    job.dirty = false;
    persist.puts.emplace_back(job.record);
  }
  for (const PhaseId id : in_order(turn.phases)) {
    PhaseEntry& phase = farm.jobs.get(id);
    phase.dirty = false;
    persist.puts.emplace_back(record_of(phase));
    for (const std::uint32_t page : phase.tasks.take_dirty_pages())
      persist.puts.emplace_back(TaskPageRecord{id, page, phase.tasks.page(page)});
  }
  put_troubles(farm, persist);
  for (const AttemptId id : in_order(turn.attempts)) {
    Lease* lease = farm.leases.find(id);
    if (lease == nullptr) continue;  // ended in this turn
    lease->dirty = false;
    persist.puts.emplace_back(lease->record);
  }
}

}  // namespace framemill::scheduler
