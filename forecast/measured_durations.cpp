#include "forecast/measured_durations.h"

#include <algorithm>
#include <cmath>

#include "scheduler/core/state/demand.h"
#include "scheduler/core/state/pace.h"

namespace framemill::forecast {
namespace {

using jobs::Runner;
using scheduler::AttemptRecord;
using scheduler::CommitRecord;
using scheduler::JobRecord;

constexpr double kRemembered = 64;          // tasks, in a level
constexpr double kFirstTasks = 8;           // of a job's layer, which weigh in the level of its kind
constexpr std::uint32_t kRecalledMost = 4;  // what an attempt of an earlier process counts for
constexpr double kShortest_s = 1e-4;
constexpr double kWorkerPrior = 4;  // tasks on a worker before its own speed outweighs everybody's

double at_least_one(std::int64_t frames) {
  return static_cast<double>(std::max<std::int64_t>(frames, 1));
}

const jobs::PhasePlan* phase_plan(const JobRecord& job, PhaseId phase) {
  return phase.index < job.plan->phases.size() ? &job.plan->phases[phase.index] : nullptr;
}

template <class Levels>
auto* level_on(Levels& levels, const std::string& device_class) {
  const auto level =
      std::find_if(levels.begin(), levels.end(), [&](const auto& l) { return l.device_class == device_class; });
  return level == levels.end() ? nullptr : &*level;
}

}  // namespace

void ForgetfulMean::add(double value, double remembered) {
  count = std::min(count + 1, remembered);
  mean += (value - mean) / count;
}

double ForgetfulMean::with_prior(double prior, double prior_count) const {
  return (mean * count + prior * prior_count) / (count + prior_count);
}

WorkKind work_kind(const JobRecord& job, const jobs::PhasePlan& phase) {
  const jobs::LayerSpec& layer = job.spec->layers[phase.layer];
  if (!layer.model().empty()) return {scheduler::pace_name(job, phase), 1, false};
  const std::string kind(jobs::name(phase.kind));
  if (phase.traits().runner == Runner::Media) return {kind, at_least_one(layer.shot_range.count()), true};
  const bool whole = phase.task_count == 1;  // one run of the program for all frames
  return {kind + " " + layer.program(), at_least_one(whole ? layer.frames.count() : phase.frames_per_task), false};
}

MeasuredDurations::Work& MeasuredDurations::work_of(const std::string& name) {
  if (works_.size() >= kWorksMax && !works_.contains(name))
    works_.erase(std::min_element(works_.begin(), works_.end(),
                                  [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  Work& work = works_[name];
  work.used = ++clock_;
  return work;
}

const MeasuredDurations::Work* MeasuredDurations::find(const std::string& name) const {
  const auto work = works_.find(name);
  return work == works_.end() ? nullptr : &work->second;
}

double MeasuredDurations::worker_effect(WorkerId worker) const {
  const auto effect = workers_.find(worker);
  return effect == workers_.end() ? 0 : effect->second.with_prior(0, kWorkerPrior);
}

// How far the job is from its kind, once it has shown enough of itself.
void MeasuredDurations::count_between(Work& work, JobLevel& level) {
  level.counted = true;
  if (!level.has_reference) return;
  const double apart = level.log_seconds.mean - level.reference;
  work.between.add(apart * apart, 32);
}

void MeasuredDurations::measure(const JobRecord& job, const jobs::PhasePlan& phase, const std::string& device_class,
                                WorkerId worker, double seconds) {
  const WorkKind kind = work_kind(job, phase);
  Work& work = work_of(kind.name);
  const double value = std::log(std::max(seconds, kShortest_s) / kind.units);
  const double without_worker = value - worker_effect(worker);
  auto* level = level_on(work.levels, device_class);
  if (level == nullptr) level = &work.levels.emplace_back(ClassLevel{device_class, {}});
  auto& of_job = jobs_[{job.id, {phase.layer, phase.kind}}];
  auto* own = level_on(of_job, device_class);
  if (own == nullptr) {
    own = &of_job.emplace_back();
    own->device_class = device_class;
    own->has_reference = level->log_seconds.count > 0;
    own->reference = level->log_seconds.mean;
  }
  if (const double seen = own->log_seconds.count; seen > 0) {
    const double residual = (without_worker - own->log_seconds.mean) * std::sqrt(seen / (seen + 1));
    work.residuals[work.residual_count++ % kResidualsMax] = static_cast<float>(residual);
    work.within.add(residual * residual, 128);
    workers_[worker].add(value - own->log_seconds.mean, kRemembered);
  }
  if (own->log_seconds.count < kFirstTasks) level->log_seconds.add(without_worker, kRemembered);
  own->log_seconds.add(without_worker, kRemembered);
  if (!own->counted && own->log_seconds.count >= kFirstTasks) count_between(work, *own);
}

void MeasuredDurations::committed(const JobRecord& job, const CommitRecord& commit) {
  const jobs::PhasePlan* phase = phase_plan(job, commit.phase);
  if (phase == nullptr) return;
  last_commit_[job.id] = std::max(last_commit_[job.id], commit.time);
  if (commit.duration_us == 0) return;
  measure(job, *phase, commit.device_class, commit.worker, static_cast<double>(commit.duration_us) / 1e6);
  work_of(work_kind(job, *phase).name).failures.add(0, 256);
}

void MeasuredDurations::ended(const JobRecord& job, const AttemptRecord& attempt, bool recalled) {
  const jobs::PhasePlan* phase = phase_plan(job, attempt.phase);
  if (phase == nullptr) return;
  const scheduler::UsageTotals& usage = attempt.usage;
  const Runner runner = phase->traits().runner;
  if (usage.model_loads > 0 && usage.load_us > 0) {
    if (const auto* package = scheduler::package_of(job, job.spec->layers[phase->layer].model()))
      loads_[{package->root_digest.hex(), attempt.device_class}].add(
          std::log(static_cast<double>(usage.load_us) / 1e6 / usage.model_loads + kShortest_s), 16);
  }
  const std::uint32_t tasks = attempt.tasks_committed;
  if (jobs::outcome_row(attempt.outcome).charged) work_of(work_kind(job, *phase).name).failures.add(1, 256);
  if (tasks == 0) return;
  // A child has its slot to itself: what it takes beyond its run (checks, digests, writing) keeps the slot, too.
  const std::uint64_t device_us = usage.device_us();
  if (runner != Runner::Executor && usage.wall_us > device_us)
    overheads_[static_cast<std::size_t>(runner)].add(static_cast<double>(usage.wall_us - device_us) / 1e6 / tasks, 64);
  if (!recalled || usage.compute_us == 0) return;
  for (std::uint32_t i = 0; i < std::min(tasks, kRecalledMost); ++i)
    measure(job, *phase, attempt.device_class, attempt.worker, static_cast<double>(usage.compute_us) / 1e6 / tasks);
}

void MeasuredDurations::over(const JobRecord& job) {
  if (const auto last = last_commit_.find(job.id); last != last_commit_.end()) {
    const double took = static_cast<double>(job.finished.unix_ms - last->second.unix_ms) / 1e3;
    if (job.state == jobs::JobState::Done && took >= 0) finish_.add(std::min(took, 600.0), 32);
    last_commit_.erase(last);
  }
  const auto first = jobs_.lower_bound({job.id, {}});
  auto last = first;
  for (; last != jobs_.end() && last->first.first == job.id; ++last)
    for (JobLevel& level : last->second) {
      if (level.counted || level.log_seconds.count < 3) continue;
      for (const jobs::PhasePlan& phase : job.plan->phases)
        if (phase.layer == last->first.second.first && phase.kind == last->first.second.second) {
          count_between(work_of(work_kind(job, phase).name), level);
          break;
        }
    }
  jobs_.erase(first, last);
}

bool MeasuredDurations::knows(const JobRecord& job, const jobs::PhasePlan& phase) const {
  const WorkKind kind = work_kind(job, phase);
  if (kind.media) return true;
  const Work* work = find(kind.name);
  return work != nullptr && !work->levels.empty();
}

std::optional<double> MeasuredDurations::typical_seconds(const JobRecord& job, const jobs::PhasePlan& phase) const {
  const WorkKind kind = work_kind(job, phase);
  const auto own = jobs_.find({job.id, {phase.layer, phase.kind}});
  if (own != jobs_.end() && !own->second.empty()) return kind.units * std::exp(own->second.front().log_seconds.mean);
  const Work* work = find(kind.name);
  if (work == nullptr || work->levels.empty()) return std::nullopt;
  return kind.units * std::exp(work->levels.front().log_seconds.mean);
}

}  // namespace framemill::forecast
