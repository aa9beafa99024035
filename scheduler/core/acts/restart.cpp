#include "scheduler/core/acts/restart.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "scheduler/core/acts/file_watching.h"
#include "scheduler/core/acts/manifests.h"
#include "scheduler/core/acts/persist.h"
#include "scheduler/core/acts/remakes.h"
#include "scheduler/core/acts/standings.h"
#include "scheduler/core/acts/sweeps.h"
#include "scheduler/core/acts/task_moves.h"

namespace framemill::scheduler {
namespace {

struct Put {
  RestartRecords& to;
  void operator()(const JobRecord& r) const { to.jobs.insert_or_assign(r.id, r); }
  void operator()(const PhaseRecord& r) const { to.phases.insert_or_assign(r.id, r); }
  void operator()(const TaskPageRecord& r) const { to.pages[r.phase].insert_or_assign(r.page, r.states); }
  void operator()(const TaskTroubleRecord& r) const { to.troubles.insert_or_assign({r.phase, r.task}, r); }
  void operator()(const AttemptRecord& r) const { to.attempts.insert_or_assign(r.id, r); }
  void operator()(const CommitRecord&) const {}  // a restart does not read commits
  void operator()(const WorkerRecord& r) const { to.workers.insert_or_assign(r.id, r); }
  void operator()(const VersionRecord& r) const { to.versions.push_back(r); }
  void operator()(const RootRecord& r) const { to.roots.push_back(r); }
  void operator()(const SubmitTokenRecord& r) const { to.tokens.push_back(r); }
  void operator()(const AuditRecord&) const {}
  void operator()(const CountersRecord& r) const { to.counters = r; }
  void operator()(const RemakeRecord& r) const { to.remakes.push_back(r); }
};

void rebuild_job(FarmState& farm, JobRecord record, RestartRecords& records) {
  JobEntry& job = farm.jobs.add(std::move(record), farm.pace);
  job.totals = {};
  for (PhaseEntry& phase : job.phases) {
    const auto kept = records.phases.find(phase.id);
    FM_CHECK(kept != records.phases.end(), "a job on record without its phases");
    phase.state = kept->second.state;
    phase.device_class = kept->second.device_class;
    phase.tally = kept->second.tally;
    auto states = TaskStates::restore(phase.plan->task_count, kept->second.counts, records.pages[phase.id]);
    FM_CHECK(states.has_value(), "the task states on record contradict their counts");
    phase.tasks = std::move(*states);
    for (std::size_t i = 0; i < job.totals.size(); ++i) job.totals[i] += phase.tasks.counts()[i];
  }
  recall_files(job);
  recall_manifests(job);
  if (!job.final()) farm.jobs.count_live(+1);
}

void rebuild_troubles(FarmState& farm, const RestartRecords& records) {
  for (const auto& [key, record] : records.troubles)
    if (PhaseEntry* phase = farm.jobs.find(key.first)) phase->troubles[key.second].record = record;
  for (auto& [id, job] : farm.jobs.all())
    for (PhaseEntry& phase : job.phases) sort_troubles(farm, phase);
}

// Which leased tasks have an attempt on record. An attempt one of whose tasks may be granted again has run out: it holds
// nothing, whatever else has revived. Of the others newer ones come first: where two hold a task, the lease of the older
// one had run out before.
using Claimed = std::set<std::pair<PhaseId, TaskIndex>>;

bool shares_its_slot(const RestartRecords& records, const AttemptRecord& record) {
  return std::any_of(records.attempts.begin(), records.attempts.end(), [&](const auto& other) {
    return other.second.live && other.first != record.id && other.second.worker == record.worker &&
           other.second.slot == record.slot;
  });
}

void rebuild_lease(FarmState& farm, const RestartRecords& records, const AttemptRecord& record, Claimed& claimed) {
  PhaseEntry& phase = *farm.jobs.find(record.phase);
  JobEntry& job = farm.job_of(record.phase);
  Lease lease;
  lease.record = record;
  lease.demand = demand_of(job.record, *phase.plan, phase.device_class);
  // The task may have been told to run alone after this lease was given.
  const auto trouble = phase.troubles.find(record.tasks.first);
  if (record.tasks.count == 1 && !shares_its_slot(records, record) && trouble != phase.troubles.end() &&
      trouble->second.record.run_alone)
    lease.demand = alone(lease.demand);
  lease.left = record.tasks.count - std::min(record.tasks.count, record.tasks_committed);
  lease.chain = phase.chain;
  lease.windows = phase.chain ? 1 : std::min(record.tasks.count, lease.demand.batch_max);
  lease.granted_at = lease.named_at = lease.moved_at = farm.now();
  lease.deadline = farm.now() + farm.settings.lease_ttl;
  const bool ran_out =
      phase.tasks.any(record.tasks, TaskState::Ready) || phase.tasks.any(record.tasks, TaskState::Waiting);
  bool holds_any = lease.left == 0 && !ran_out;
  for (const StateRun& run : phase.tasks.runs(record.tasks))
    for (TaskIndex t = run.tasks.first; !ran_out && run.state == TaskState::Leased && t < run.tasks.end(); ++t) {
      const bool first = claimed.emplace(phase.id, t).second;
      holds_any = holds_any || first;
      lease.outran = lease.outran || !first;
    }
  lease.expired = !holds_any;
  lease.outran = lease.outran || lease.expired;
  if (lease.outran) ++phase.outran;
  phase.attempts.emplace(record.tasks.first, record.id);
  phase.chunk_longest = std::max(phase.chunk_longest, record.tasks.count);
  ++job.attempts_live;
  WorkerEntry* worker = farm.workers.find(record.worker);
  FM_CHECK(worker != nullptr, "an attempt record refers to an unknown worker");
  farm.workers.attach(*worker, farm.leases.add(std::move(lease)), phase.chain ? 1 : record.tasks.count);
}

void recall_ended(FarmState& farm, const AttemptRecord& record) {
  PhaseEntry& phase = *farm.jobs.find(record.phase);
  if (!phase.tasks.any(record.tasks, TaskState::Committed)) return;
  farm.leases.remember(record.id, {record.phase, record.tasks, record.worker});
  phase.remembered.emplace(record.tasks.first, record.id);
  phase.chunk_longest = std::max(phase.chunk_longest, record.tasks.count);
}

void rebuild_attempts(FarmState& farm, const RestartRecords& records) {
  Claimed claimed;
  for (auto it = records.attempts.rbegin(); it != records.attempts.rend(); ++it) {
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

}  // namespace

void RestartRecords::put(const Record& record) {
  std::visit(Put{*this}, record);
}

void rebuild(FarmState& farm, RestartRecords records) {
  farm.counters = records.counters;
  for (const VersionRecord& version : records.versions) farm.jobs.put(version);
  for (const RootRecord& root : records.roots) farm.root_ids.insert_or_assign(root.name, root.id);
  for (const SubmitTokenRecord& token : records.tokens) farm.jobs.put(token);
  for (auto& [id, worker] : records.workers) farm.workers.add(std::move(worker)).last_heard = farm.now();
  for (auto& [id, job] : records.jobs) rebuild_job(farm, std::move(job), records);
  recall_remakes(farm, std::move(records.remakes));
  for (auto& [id, job] : farm.jobs.all()) enqueue(farm, job);
  rebuild_troubles(farm, records);
  rebuild_attempts(farm, records);
  rebuild_duties(farm);
  begin_probes(farm);
  for (auto& [id, job] : farm.jobs.all()) {
    enqueue(farm, job);
    farm.turn.touch(job);
  }
}

std::vector<Record> all_records(const FarmState& farm) {
  std::vector<Record> all{farm.counters};
  for (VersionRecord& version : farm.jobs.versions()) all.emplace_back(std::move(version));
  for (const auto& [name, id] : farm.root_ids) all.emplace_back(RootRecord{name, id});
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
  return all;
}

}  // namespace framemill::scheduler
