#include "scheduler/core/state/job_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

// Tasks on the longest path from each phase to the job's end: what the critical path is made of. Phases are taken when
// all that wait for them are known; a plan has no circle but a chain's need of itself.
void derive_depths(JobEntry& job) {
  std::vector<std::uint32_t> open(job.phases.size());
  std::vector<std::uint32_t> below(job.phases.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < job.phases.size(); ++i) {
    for (const Dependent& dependent : job.phases[i].dependents) open[i] += dependent.owner != i ? 1u : 0u;
    if (open[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    PhaseEntry& phase = job.phases[ready.back()];
    ready.pop_back();
    phase.depth = below[phase.id.index] + (phase.chain ? phase.plan->task_count : 1);
    for (const jobs::Need& need : phase.plan->needs) {
      if (need.phase == phase.id.index) continue;
      below[need.phase] = std::max(below[need.phase], phase.depth);
      if (--open[need.phase] == 0) ready.push_back(need.phase);
    }
  }
}

}  // namespace

base::Error unknown_layer(JobId job, const jobs::JobSpec& spec, const std::string& name) {
  std::string known;
  for (const jobs::LayerSpec& layer : spec.layers) known += (known.empty() ? "its layers: " : ", ") + layer.name;
  return base::error_of(Refusal::JobLayerUnknown, fmt::format("job {} has no layer named {}", job.value, name), "layer",
                        known);
}

jobs::FrameSet PhaseEntry::frames_of(TaskIndex task) const {
  if (!plan->traits().windowed || !plan->traits().intermediate) return jobs::task_frames(*plan, task);
  const jobs::FrameSpan span = plan->grid.new_frames(jobs::task_window(*plan, task));
  return jobs::FrameSet(span.first, span.last);
}

void PhaseEntry::attach(AttemptId attempt, TaskRange held, bool ran_out) {
  attempts.emplace(held.first, attempt);
  chunk_longest = std::max(chunk_longest, held.count);
  if (ran_out) ++expired_leases;
}

void PhaseEntry::detach(AttemptId attempt, TaskRange held, bool ran_out) {
  attempts.erase({held.first, attempt});
  if (ran_out) --expired_leases;
}

void PhaseEntry::uncount(const FailureHistory& trouble) {
  if (trouble.grouping == Grouping::Single) --single;
  if (trouble.grouping == Grouping::Alone) --alone;
}

void PhaseEntry::sort_in(TaskIndex task, FailureHistory& trouble) {
  uncount(trouble);
  trouble.grouping = tasks.at(task) == TaskState::Ready ? trouble.wanted_grouping() : Grouping::Common;
  if (trouble.grouping == Grouping::Single) ++single;
  if (trouble.grouping == Grouping::Alone) ++alone;
}

void JobEntry::restore_tasks(PhaseEntry& phase, TaskStates tasks) {
  for (std::size_t i = 0; i < totals.size(); ++i)
    totals[i] += tasks.counts()[i] - std::uint64_t{phase.tasks.counts()[i]};
  phase.tasks = std::move(tasks);
}

std::string JobEntry::label_of(const PhaseEntry& phase) const {
  const jobs::LayerSpec& layer = layer_of(phase);
  if (layer.variant_count() < 2) return layer.name;
  return fmt::format("{} t{}", layer.name, phase.plan->variant);
}

JobEntry* JobBook::find(JobId id) {
  const auto entry = jobs_.find(id);
  return entry == jobs_.end() ? nullptr : &entry->second;
}
const JobEntry* JobBook::find(JobId id) const {
  const auto entry = jobs_.find(id);
  return entry == jobs_.end() ? nullptr : &entry->second;
}
PhaseEntry* JobBook::find(PhaseId id) {
  JobEntry* job = find(id.job);
  return job == nullptr || id.index >= job->phases.size() ? nullptr : &job->phases[id.index];
}
const PhaseEntry* JobBook::find(PhaseId id) const {
  const JobEntry* job = find(id.job);
  return job == nullptr || id.index >= job->phases.size() ? nullptr : &job->phases[id.index];
}

JobEntry& JobBook::get(JobId id) {
  JobEntry* job = find(id);
  FM_CHECK(job != nullptr, "a job that is named and not there");
  return *job;
}
const JobEntry& JobBook::get(JobId id) const {
  const JobEntry* job = find(id);
  FM_CHECK(job != nullptr, "a job that is named and not there");
  return *job;
}
PhaseEntry& JobBook::get(PhaseId id) {
  PhaseEntry* phase = find(id);
  FM_CHECK(phase != nullptr, "a phase that is named and not there");
  return *phase;
}
const PhaseEntry& JobBook::get(PhaseId id) const {
  const PhaseEntry* phase = find(id);
  FM_CHECK(phase != nullptr, "a phase that is named and not there");
  return *phase;
}

JobEntry& JobBook::add(JobRecord record, DurationEstimator& pace) {
  const JobId id = record.id;
  const auto [place, added] = jobs_.try_emplace(id);
  FM_CHECK(added, "a job number used twice");
  JobEntry& job = place->second;
  job.record = std::move(record);
  if (!job.final()) count_live(job.record);
  const auto& plans = job.record.plan->phases;
  job.phases.reserve(plans.size());
  for (jobs::PhaseIndex i = 0; i < plans.size(); ++i) {
    PhaseEntry phase({id, i}, plans[i]);
    phase.files.inputs = unseen_files_of(plans[i]);
    phase.pace = pace.intern(pace_name(job.record, plans[i]));
    job.totals[static_cast<std::size_t>(TaskState::Waiting)] += plans[i].task_count;
    job.phases.push_back(std::move(phase));
  }
  for (jobs::PhaseIndex i = 0; i < plans.size(); ++i)
    for (std::uint32_t n = 0; n < plans[i].needs.size(); ++n) {
      const jobs::Need& need = plans[i].needs[n];
      FM_CHECK(need.phase < plans.size(), "a need of a phase that is not in the plan");
      job.phases[need.phase].dependents.push_back({i, n});
      if (need.phase == i) job.phases[i].chain = true;
    }
  derive_depths(job);
  const std::vector<std::string> shots = jobs::shots_of(*job.record.spec);
  for (PhaseEntry& phase : job.phases)
    phase.shot =
        static_cast<std::uint32_t>(std::find(shots.begin(), shots.end(), job.layer_of(phase).shot) - shots.begin());
  // The manifest is the first job's; a remake's files are put right in it as they get their names.
  if (!job.record.remake_of)
    for (jobs::ManifestGroup& group : jobs::manifest_groups(*job.record.plan))
      job.manifests.push_back({std::move(group)});
  return job;
}

void JobBook::set_state(JobEntry& job, jobs::JobState state) {
  const bool was_final = job.final();
  job.record.state = state;
  if (was_final && !job.final()) count_live(job.record);
  if (!was_final && job.final()) uncount_live(job.record);
}

void JobBook::count_live(const JobRecord& job) {
  ++live_jobs_;
  ++live_jobs_by_user_[job.submitted.principal];
}

void JobBook::uncount_live(const JobRecord& job) {
  --live_jobs_;
  const auto user = live_jobs_by_user_.find(job.submitted.principal);
  if (--user->second == 0) live_jobs_by_user_.erase(user);
}

std::uint32_t JobBook::live_jobs_of(const std::string& principal) const {
  const auto user = live_jobs_by_user_.find(principal);
  return user == live_jobs_by_user_.end() ? 0 : user->second;
}

void JobBook::set_at_rest(JobId id, bool at_rest) {
  if (at_rest)
    at_rest_.insert(id);
  else
    at_rest_.erase(id);
}

void JobBook::forget(JobId id, DurationEstimator& pace) {
  const auto job = jobs_.find(id);
  FM_CHECK(job != jobs_.end() && job->second.final() && job->second.attempts_live == 0, "a job forgotten too early");
  for (const PhaseEntry& phase : job->second.phases) pace.forget_job_work(pace_name(job->second.record, *phase.plan));
  if (JobEntry* first = find(job->second.record.remake_of)) first->remakes.erase(id);
  jobs_.erase(job);
  at_rest_.erase(id);
}

std::uint32_t JobBook::next_version(const ShotName& shot) const {
  const auto used = versions_.find(shot);
  return used == versions_.end() || used->second.empty() ? 1 : used->second.rbegin()->first + 1;
}

bool JobBook::version_taken(const ShotName& shot, std::uint32_t version) const {
  const auto used = versions_.find(shot);
  return used != versions_.end() && used->second.contains(version);
}

std::vector<VersionRecord> JobBook::versions_before(const ShotName& shot, std::uint32_t version) const {
  std::vector<VersionRecord> before;
  const auto used = versions_.find(shot);
  if (used == versions_.end()) return before;
  for (auto at = used->second.lower_bound(version); at != used->second.begin();) {
    --at;
    before.push_back({shot.first, shot.second.first, shot.second.second, at->first, at->second});
  }
  return before;
}

void JobBook::put(const VersionRecord& record) {
  versions_[{record.show, {record.sequence, record.shot}}][record.version] = record.job;
}

std::vector<VersionRecord> JobBook::versions() const {
  std::vector<VersionRecord> all;
  for (const auto& [shot, used] : versions_)
    for (const auto& [version, job] : used)
      all.push_back({shot.first, shot.second.first, shot.second.second, version, job});
  return all;
}

const SubmitTokenRecord* JobBook::token(const std::string& principal, const std::string& token) const {
  const auto found = tokens_.find({principal, token});
  return found == tokens_.end() ? nullptr : &found->second;
}

void JobBook::put(const SubmitTokenRecord& record) {
  tokens_.insert_or_assign({record.principal, record.token}, record);
  tokens_by_age_.insert_or_assign(record.job, std::pair{record.principal, record.token});
  if (tokens_by_age_.size() <= kTokensMax) return;
  tokens_.erase(tokens_by_age_.begin()->second);
  tokens_by_age_.erase(tokens_by_age_.begin());
}

std::vector<SubmitTokenRecord> JobBook::tokens() const {
  std::vector<SubmitTokenRecord> all;
  for (const auto& [key, record] : tokens_) all.push_back(record);
  return all;
}

}  // namespace framemill::scheduler
