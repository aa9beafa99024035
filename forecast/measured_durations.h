// How long tasks take on this farm, learned from commits and ended attempts: per kind of work and device class a level
// that forgets slowly, how much jobs of one kind differ, how much the tasks of one job differ, which workers are slower
// or faster than others, how often tries fail and what loading a model costs. Logarithms throughout: durations differ
// by factors. Nothing here decides where work runs; futures (drawn_durations.h) are drawn from it.
//
// One thread; memory is bounded by kWorksMax kinds of work and by the jobs that are not forgotten.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/state/records.h"

namespace framemill::forecast {

using scheduler::JobId;
using scheduler::PhaseId;
using scheduler::TaskIndex;
using scheduler::WorkerId;

// What a phase's tasks can be compared with: other tasks of the same name, each divided by its units.
struct WorkKind {
  std::string name;    // "denoise DIGEST steps 20", "command grain", "encode"
  double units = 1;    // frames that one task makes or reads; 1 where tasks are windows
  bool media = false;  // movies and sheets: small beside the work that they wait for, so a guess will do
};
WorkKind work_kind(const scheduler::JobRecord& job, const jobs::PhasePlan& phase);

// A mean that forgets: the newest `remembered` values weigh most. With a prior mean of `prior_count` values.
struct ForgetfulMean {
  double mean = 0, count = 0;
  void add(double value, double remembered);
  double with_prior(double prior, double prior_count) const;
};

class MeasuredDurations {
 public:
  static constexpr std::size_t kWorksMax = 4096;  // kinds of work; the one that was measured longest ago goes first

  // A task was committed. Repeats are not told apart.
  void committed(const scheduler::JobRecord& job, const scheduler::CommitRecord& commit);
  // An attempt ended. `recalled`: from an earlier process, whose commits are not heard: its tasks count by their mean.
  void ended(const scheduler::JobRecord& job, const scheduler::AttemptRecord& attempt, bool recalled = false);
  // The job is over; what it showed of its kind of work stays. `finished`: when its last file had its name.
  void over(const scheduler::JobRecord& job);

  // A task of its kind was measured here, or a guess will do.
  bool knows(const scheduler::JobRecord& job, const jobs::PhasePlan& phase) const;
  // Seconds that a task of the phase is expected to take on any device class; nothing before one was measured.
  std::optional<double> typical_seconds(const scheduler::JobRecord& job, const jobs::PhasePlan& phase) const;
  // From the last commit of a job to its end: publishing, manifest.
  double finish_seconds() const { return finish_.with_prior(1.0, 2); }

 private:
  friend class DrawnDurations;

  static constexpr std::size_t kResidualsMax = 32;
  struct ClassLevel {
    std::string device_class;
    ForgetfulMean log_seconds;  // per unit, of the first tasks of each job
  };
  struct Work {
    std::vector<ClassLevel> levels;
    std::array<float, kResidualsMax> residuals{};  // of tasks, from their job's mean: the newest
    std::uint32_t residual_count = 0;
    ForgetfulMean within, between;  // squared: of tasks from their job's mean, of jobs from their kind's level
    ForgetfulMean failures;         // 1 for a charged try, 0 for a committed task
    std::uint64_t used = 0;
  };
  struct JobLevel {
    std::string device_class;
    ForgetfulMean log_seconds;  // per unit, without what is the worker's
    double reference = 0;       // its kind's level before it began
    bool has_reference = false, counted = false;
  };
  using JobWorkKey = std::pair<JobId, std::pair<std::uint32_t, jobs::PhaseKind>>;  // layer, kind

  void measure(const scheduler::JobRecord& job, const jobs::PhasePlan& phase, const std::string& device_class,
               WorkerId worker, double seconds);
  Work& work_of(const std::string& name);
  const Work* find(const std::string& name) const;
  static void count_between(Work& work, JobLevel& level);
  double worker_effect(WorkerId worker) const;

  std::map<std::string, Work> works_;
  std::map<JobWorkKey, std::vector<JobLevel>> jobs_;
  std::map<JobId, base::WallTime> last_commit_;
  std::map<WorkerId, ForgetfulMean> workers_;                           // logarithm of how much longer tasks take there
  std::map<std::pair<std::string, std::string>, ForgetfulMean> loads_;  // model digest, device class: log seconds
  std::array<ForgetfulMean, 3> overheads_;  // seconds a task by Runner, beside what it is said to take
  ForgetfulMean finish_;
  std::uint64_t clock_ = 0;
};

}  // namespace framemill::forecast
