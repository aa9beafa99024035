#include "forecast/replica.h"

#include <type_traits>
#include <variant>

namespace framemill::forecast {
namespace {

using scheduler::AttemptRecord;
using scheduler::CommitRecord;
using scheduler::JobRecord;
using scheduler::PhaseRecord;
using scheduler::Record;
using scheduler::RemakeRecord;
using scheduler::TaskPageRecord;
using scheduler::TaskTroubleRecord;

// Nobody submits to a replica, so what guards submits is not kept; nor is what only people read.
template <class R>
constexpr bool kLeftOut = std::is_same_v<R, scheduler::VersionRecord> ||
                          std::is_same_v<R, scheduler::SubmitTokenRecord> || scheduler::HistoryRecord<R>;

JobId job_of(const auto& record) {
  return record.phase.job;
}

// Records of one job are neighbours in the order of their keys, but for attempts.
template <class R>
void erase_job(scheduler::RecordSet& records, JobId job) {
  std::erase_if(records.of<R>(), [job](const auto& entry) { return job_of(entry.second) == job; });
}
template <class R, class Key>
void erase_range(scheduler::RecordSet& records, const Key& from, const Key& to) {
  auto& all = records.of<R>();
  all.erase(all.lower_bound(from), all.lower_bound(to));
}

}  // namespace

const JobRecord* Replica::job(JobId id) const {
  const auto job = records_.of<JobRecord>().find(id);
  return job == records_.of<JobRecord>().end() ? nullptr : &job->second;
}

template <class R>
void Replica::keep(R record) {
  auto key = record.record_key();
  records_.of<R>().insert_or_assign(std::move(key), std::move(record));
  ++changes_;
}

template <class R>
void Replica::put(R record) {
  if constexpr (!kLeftOut<R>) {
    if constexpr (requires { record.phase; }) {
      if (job(job_of(record)) == nullptr) return;
    }
    keep(std::move(record));
  }
}

void Replica::put(JobRecord record) {
  const JobRecord* known = job(record.id);
  if (!jobs::is_final(record.state)) return keep(std::move(record));
  if (known == nullptr) return;
  durations_.over(record);
  ended_.push_back({record.id, record.state, record.finished});
  forget(record.id);
}

void Replica::put(PhaseRecord record) {
  if (job(record.id.job) != nullptr) keep(std::move(record));
}

void Replica::put(TaskPageRecord record) {
  if (job(record.phase.job) != nullptr) keep(std::move(record));
}

void Replica::put(AttemptRecord record) {
  const JobRecord* of = job(record.phase.job);
  if (of == nullptr) return;
  if (record.live) return keep(std::move(record));
  durations_.ended(*of, record);
  records_.of<AttemptRecord>().erase(record.id);
  ++changes_;
}

void Replica::put(CommitRecord record) {
  if (const JobRecord* of = job(record.phase.job)) durations_.committed(*of, record);
  ++changes_;
}

void Replica::forget(JobId job) {
  const JobId next(job.value + 1);
  erase_range<PhaseRecord>(records_, PhaseId{job, 0}, PhaseId{next, 0});
  erase_range<TaskPageRecord>(records_, std::pair{PhaseId{job, 0}, 0u}, std::pair{PhaseId{next, 0}, 0u});
  erase_range<TaskTroubleRecord>(records_, std::pair{PhaseId{job, 0}, TaskIndex{0}},
                                 std::pair{PhaseId{next, 0}, TaskIndex{0}});
  erase_range<RemakeRecord>(records_, std::pair{PhaseId{job, 0}, TaskIndex{0}},
                            std::pair{PhaseId{next, 0}, TaskIndex{0}});
  erase_job<AttemptRecord>(records_, job);
  records_.of<JobRecord>().erase(job);
  ++changes_;
}

void Replica::restore(std::vector<Record> records) {
  std::vector<AttemptRecord> ended;
  for (Record& record : records) {
    if (auto* attempt = std::get_if<AttemptRecord>(&record); attempt != nullptr && !attempt->live)
      ended.push_back(std::move(*attempt));
    else if (const auto* old = std::get_if<JobRecord>(&record); old != nullptr && jobs::is_final(old->state))
      continue;
    else
      std::visit([this](auto&& kind) { put(std::move(kind)); }, std::move(record));
  }
  for (const AttemptRecord& attempt : ended)
    if (const JobRecord* of = job(attempt.phase.job)) durations_.ended(*of, attempt, true);
}

void Replica::take(scheduler::Persist turn) {
  for (const auto& erased : turn.troubles_erased) records_.of<TaskTroubleRecord>().erase(erased);
  // Jobs first: what a turn commits may belong to a job that the same turn has made.
  for (Record& record : turn.puts)
    if (auto* made = std::get_if<JobRecord>(&record); made != nullptr && !jobs::is_final(made->state))
      put(JobRecord(*made));
  JobRecord* over = nullptr;
  for (Record& record : turn.puts) {
    if (auto* ending = std::get_if<JobRecord>(&record)) {
      if (jobs::is_final(ending->state)) over = ending;
      continue;
    }
    std::visit([this](auto&& kind) { put(std::move(kind)); }, std::move(record));
  }
  if (over == nullptr) return;
  for (Record& record : turn.puts)
    if (auto* ending = std::get_if<JobRecord>(&record); ending != nullptr && jobs::is_final(ending->state))
      put(std::move(*ending));
}

}  // namespace framemill::forecast
