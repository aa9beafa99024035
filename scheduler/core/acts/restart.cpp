#include "scheduler/core/acts/restart.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/check.h"
#include "scheduler/core/acts/deadlines.h"
#include "scheduler/core/acts/file_wait_records.h"
#include "scheduler/core/acts/file_watching.h"
#include "scheduler/core/acts/holding.h"
#include "scheduler/core/acts/maintenance.h"
#include "scheduler/core/acts/manifests.h"
#include "scheduler/core/acts/persist.h"
#include "scheduler/core/acts/remakes.h"
#include "scheduler/core/acts/share_records.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/sweeps.h"
#include "scheduler/core/acts/task_moves.h"
#include "scheduler/core/acts/waits.h"

namespace framemill::scheduler {
namespace {

// Pages of task states of one phase, by number.
std::map<std::uint32_t, std::vector<std::uint8_t>> pages_of(RecordSet& records, PhaseId phase) {
  std::map<std::uint32_t, std::vector<std::uint8_t>> pages;
  auto& all = records.of<TaskPageRecord>();
  for (auto page = all.lower_bound({phase, 0}); page != all.end() && page->second.phase == phase; ++page)
    pages.emplace(page->second.page, std::move(page->second.states));
  return pages;
}

void rebuild_job(FarmState& farm, JobRecord record, RecordSet& records) {
  JobEntry& job = farm.jobs.add(std::move(record), farm.pace);
  join_share(farm, job);
  for (PhaseEntry& phase : job.phases) {
    auto kept = records.of<PhaseRecord>().find(phase.id);
    FM_CHECK(kept != records.of<PhaseRecord>().end(), "a job on record without its phases");
    phase.state = kept->second.state;
    phase.device_class = kept->second.device_class;
    phase.tally = kept->second.tally;
    recall_file_waits(farm, phase, std::move(kept->second.file_waits));
    auto states = TaskStates::restore(phase.plan->task_count, kept->second.counts, pages_of(records, phase.id));
    FM_CHECK(states.has_value(), "the task states on record contradict their counts");
    job.restore_tasks(phase, std::move(*states));
  }
  recall_files(job);
  recall_manifests(job);
}

void rebuild_troubles(FarmState& farm, const RecordSet& records) {
  for (const auto& [key, record] : records.of<TaskTroubleRecord>())
    if (PhaseEntry* phase = farm.jobs.find(key.first)) phase->troubles[key.second].record = record;
  for (auto& [id, job] : farm.jobs.all())
    for (PhaseEntry& phase : job.phases) sort_troubles(farm, phase);
}

// Which leased tasks have an attempt on record. An attempt one of whose tasks may be granted again has run out: it holds
// nothing, whatever else has revived. Of the others newer ones come first: where two hold a task, the lease of the older
// one had run out before.
using Claimed = std::set<std::pair<PhaseId, TaskIndex>>;

bool shares_its_slot(const RecordSet& records, const AttemptRecord& record) {
  const auto& attempts = records.of<AttemptRecord>();
  return std::any_of(attempts.begin(), attempts.end(), [&](const auto& other) {
    return other.second.live && other.first != record.id && other.second.worker == record.worker &&
           other.second.slot == record.slot;
  });
}

void rebuild_lease(FarmState& farm, const RecordSet& records, const AttemptRecord& record, Claimed& claimed) {
  PhaseEntry& phase = farm.jobs.get(record.phase);
  JobEntry& job = farm.job_of(record.phase);
  Lease lease;
  lease.record = record;
  lease.demand = demand_of(job.record, *phase.plan, phase.device_class);
  // The task may have been told to run alone after this lease was given.
  const auto trouble = phase.troubles.find(record.tasks.first);
  if (record.tasks.count == 1 && !shares_its_slot(records, record) && trouble != phase.troubles.end() &&
      trouble->second.record.isolate)
    lease.demand = alone(lease.demand);
  const bool ran_out =
      phase.tasks.any(record.tasks, TaskState::Ready) || phase.tasks.any(record.tasks, TaskState::Waiting);
  bool holds_any = record.tasks_committed >= record.tasks.count && !ran_out;
  for (const StateRun& run : phase.tasks.runs(record.tasks))
    for (TaskIndex t = run.tasks.first; !ran_out && run.state == TaskState::Leased && t < run.tasks.end(); ++t) {
      const bool first = claimed.emplace(phase.id, t).second;
      holds_any = holds_any || first;
      lease.has_expired = lease.has_expired || !first;
    }
  lease.expired = !holds_any;
  lease.has_expired = lease.has_expired || lease.expired;
  // What was admitted is not on record, and no device is known before its worker reports: the most that the grant can
  // have allowed is booked, so that no more is let in beside it than fits.
  const std::uint32_t capacity = lease.demand.batch_max;
  farm.attach(job, phase, farm.workers.get(record.worker), std::move(lease), capacity);
}

void recall_ended(FarmState& farm, const AttemptRecord& record) {
  PhaseEntry& phase = farm.jobs.get(record.phase);
  if (!phase.tasks.any(record.tasks, TaskState::Committed)) return;
  farm.leases.remember(record.id, {record.phase, record.tasks, record.worker});
}

void rebuild_attempts(FarmState& farm, const RecordSet& records) {
  Claimed claimed;
  const auto& attempts = records.of<AttemptRecord>();
  for (auto it = attempts.rbegin(); it != attempts.rend(); ++it) {
    const AttemptRecord& record = it->second;
    const PhaseEntry* phase = farm.jobs.find(record.phase);
    if (phase == nullptr) continue;  // of a job that is kept in the history only
    FM_CHECK(record.tasks.count > 0 && record.tasks.first < phase->tasks.size() &&
                 record.tasks.count <= phase->tasks.size() - record.tasks.first,
             "an attempt on record outside its phase");
    if (record.live)
      rebuild_lease(farm, records, record, claimed);
    else
      recall_ended(farm, record);
  }
  // A leased task without an attempt on record: whoever works at it is refused as unknown, so it may be granted again.
  for (auto& [id, job] : farm.jobs.all())
    for (PhaseEntry& phase : job.phases)
      for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
        for (TaskIndex t = run.tasks.first; run.state == TaskState::Leased && t < run.tasks.end(); ++t)
          if (!claimed.contains({phase.id, t})) return_tasks(farm, phase, {t, 1});
}

void rebuild_duties(FarmState& farm) {
  for (auto& [id, job] : farm.jobs.all()) {
    for (PhaseEntry& phase : job.phases) {
      if (phase.tasks.count(TaskState::Committed) == 0) continue;
      for (const StateRun& run : phase.tasks.runs({0, phase.tasks.size()}))
        for (TaskIndex t = run.tasks.first; run.state == TaskState::Committed && t < run.tasks.end(); ++t)
          farm.duties.add(phase.id, t, AttemptId{});
    }
    if (job.record.state == jobs::JobState::Done && !job.record.swept && job.total(TaskState::Cancelled) == 0)
      sweep_job(farm, job);
  }
}

// A count that was changed by a person holds until the configuration says another.
void rebuild_limits(FarmState& farm, const RecordSet& records) {
  farm.limits.configure(farm.settings.limits);
  for (const auto& [name, record] : records.of<LimitRecord>()) {
    const Limit* limit = farm.limits.find(name);
    if (limit == nullptr) continue;
    LimitRecord standing = record;
    if (record.configured != limit->configured) {
      const Cause cause{"scheduler", farm.turn.now.wall, "the configuration was changed"};
      standing = {name, limit->configured, limit->configured, cause};
      farm.turn.put(standing);
    }
    farm.limits.set(standing);
  }
}

}  // namespace

void rebuild(FarmState& farm, RecordSet records) {
  for (const auto& [key, counters] : records.of<CountersRecord>()) farm.counters = counters;
  for (const auto& [key, version] : records.of<VersionRecord>()) farm.jobs.put(version);
  for (const auto& [name, root] : records.of<RootRecord>()) farm.root_ids.insert_or_assign(name, root.id);
  rebuild_limits(farm, records);
  for (const auto& [key, token] : records.of<SubmitTokenRecord>()) farm.jobs.put(token);
  recall_shares(farm, records);
  for (auto& [id, worker] : records.of<WorkerRecord>()) farm.workers.add(std::move(worker)).last_heard = farm.now();
  recall_planned_drains(farm);
  for (auto& [id, job] : records.of<JobRecord>()) rebuild_job(farm, std::move(job), records);
  recall_remakes(farm, std::move(records.of<RemakeRecord>()));
  recall_holds(farm);
  recall_waits(farm);
  for (auto& [id, job] : farm.jobs.all()) enqueue(farm, job);
  rebuild_troubles(farm, records);
  rebuild_attempts(farm, records);
  rebuild_duties(farm);
  begin_probes(farm);
  for (auto& [id, job] : farm.jobs.all()) {
    enqueue(farm, job);
    watch_deadline(farm, job);
    farm.turn.touch(job);
    farm.turn.reconsider(job);
  }
}

std::vector<Record> all_records(const FarmState& farm) {
  std::vector<Record> all{farm.counters};
  for (VersionRecord& version : farm.jobs.versions()) all.emplace_back(std::move(version));
  for (const auto& [name, id] : farm.root_ids) all.emplace_back(RootRecord{name, id});
  for (LimitRecord& limit : farm.limits.records()) all.emplace_back(std::move(limit));
  for (SubmitTokenRecord& token : farm.jobs.tokens()) all.emplace_back(std::move(token));
  for (const auto& [id, worker] : farm.workers.all()) all.emplace_back(worker.record);
  for (const auto& [id, job] : farm.jobs.all()) {
    all.emplace_back(job.record);
    for (const PhaseEntry& phase : job.phases) {
      all.emplace_back(record_of(phase));
      for (const std::uint32_t page : phase.tasks.recorded_pages())
        all.emplace_back(TaskPageRecord{phase.id, page, phase.tasks.page(page)});
      for (const auto& [task, trouble] : phase.troubles) all.emplace_back(trouble.record);
    }
    for (const auto& [task, remade] : job.remade) all.emplace_back(remade);
  }
  for (const auto& [id, lease] : farm.leases.live()) all.emplace_back(lease.record);
  // By key: a share's number tells only who came first in this process.
  std::map<std::pair<std::string, std::string>, ShareUsageRecord> used;
  for (const ShareNode& share : farm.shares.all())
    if (share.kept.at.unix_ms != 0) used.emplace(share.kept.record_key(), share.kept);
  for (auto& [key, usage] : used) all.emplace_back(std::move(usage));
  for (const auto& [path, rules] : farm.shares.rule_records()) all.emplace_back(rules);
  return all;
}

}  // namespace framemill::scheduler
