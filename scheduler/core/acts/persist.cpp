#include "scheduler/core/acts/persist.h"

#include <algorithm>

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

template <class R>
void put_all(std::vector<Record>& puts, std::vector<R>& records) {
  for (R& record : records) puts.emplace_back(std::move(record));
  records.clear();
}

void put_troubles(FarmState& farm, Persist& persist) {
  for (const auto& [id, task] : in_order(farm.turn.troubles)) {
    PhaseEntry& phase = *farm.jobs.find(id);
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
  return record;
}

void write_dirty_records(FarmState& farm) {
  Turn& turn = farm.turn;
  Persist& persist = turn.effects.persist;
  if (turn.counters) persist.puts.emplace_back(farm.counters);
  turn.counters = false;
  put_all(persist.puts, turn.versions);
  put_all(persist.puts, turn.roots);
  put_all(persist.puts, turn.tokens);
  for (const WorkerId id : in_order(turn.workers)) {
    WorkerEntry& worker = *farm.workers.find(id);
    worker.dirty = false;
    persist.puts.emplace_back(worker.record);
  }
  for (const JobId id : in_order(turn.jobs)) {
    JobEntry& job = *farm.jobs.find(id);
    job.dirty = false;
    persist.puts.emplace_back(job.record);
  }
  for (const PhaseId id : in_order(turn.phases)) {
    PhaseEntry& phase = *farm.jobs.find(id);
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
  put_all(persist.puts, turn.attempts_ended);
  put_all(persist.puts, turn.commits);
  for (const auto& [id, task] : in_order(turn.remade))
    persist.puts.emplace_back(farm.jobs.find(id.job)->remade.at({id.index, task}));
  put_all(persist.puts, turn.audits);
}

}  // namespace framemill::scheduler
