// One possible future of how long everything takes: drawn from what was measured (measured_durations.h), a pure function
// of the seed. A task takes equally long in it whenever it is asked for, so that two what-ifs with one seed differ by
// what was changed alone. What is uncertain is drawn where it is uncertain: how a job differs from its kind once per
// job, how fast a worker is once per worker, what is left once per task.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "forecast/measured_durations.h"

namespace framemill::forecast {

// Which of a set of futures: the draws for jobs are spread evenly over the futures of one set (a Latin square), so that
// eight of them say more of the middle than eight draws would.
struct Luck {
  std::uint64_t seed = 0;
  std::uint32_t index = 0, count = 1;
};

class DrawnDurations {
 public:
  // `measured` outlives it and does not change meanwhile.
  DrawnDurations(const MeasuredDurations& measured, const Luck& luck)
      : measured_(measured), luck_(luck), seed_(luck.seed + luck.index) {}

  // Seconds that a slot is busy with the task, failed tries included. Of work that was never measured: a guess.
  double task_seconds(const scheduler::JobRecord& job, PhaseId phase, TaskIndex task, WorkerId worker,
                      const std::string& device_class);
  double load_seconds(const base::Sha256& model, const std::string& device_class);
  double finish_seconds() const { return measured_.finish_seconds(); }

 private:
  struct Level {
    std::string device_class;
    double log_seconds = 0;  // of a task, with what was drawn for the job
  };
  struct Phase {
    const MeasuredDurations::Work* work = nullptr;  // null: never measured
    double units = 1, job_drawn = 0, within = 0, between = 0, failing = 0, overhead_s = 0;
    std::vector<Level> levels;
  };
  Phase& phase_of(const scheduler::JobRecord& job, PhaseId id);
  const Level& level_on(Phase& phase, const scheduler::JobRecord& job, PhaseId id, const std::string& device_class);
  double worker_drawn(WorkerId worker);
  double job_drawn(std::uint64_t of_layer) const;

  const MeasuredDurations& measured_;
  Luck luck_;
  std::uint64_t seed_;                               // of this future alone
  std::unordered_map<std::uint64_t, Phase> phases_;  // by job and index
  std::unordered_map<std::uint32_t, double> workers_;
};

// Independent draws for (seed, a, b, stream): a number below 1, and a standard normal.
double uniform_draw(std::uint64_t seed, std::uint64_t a, std::uint32_t b, std::uint32_t stream);
double normal_draw(std::uint64_t seed, std::uint64_t a, std::uint32_t b, std::uint32_t stream);

}  // namespace framemill::forecast
