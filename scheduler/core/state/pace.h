// How long a task takes, as measured: per kind of work and device class, an average that forgets slowly. Chunk sizes
// and the time to the end come from it; nothing that decides a pixel does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

using PaceId = std::uint32_t;  // a kind of work: the denoise windows of one model and step count, one command layer ...

class DurationEstimator {
 public:
  PaceId intern(const std::string& work);
  void forget_job_work(const std::string& work);  // of a job that is forgotten; work that jobs share stays
  void measured(PaceId work, const std::string& device_class, WorkerId worker, std::uint64_t duration_us);
  void loaded(PaceId work, std::uint64_t duration_us);  // its model, into a slot that did not hold it
  // Of an attempt, per task: less than the time where batches share a device, more where a model was loaded.
  void used(PaceId work, const std::string& device_class, std::uint64_t device_us);
  // Seconds per task on that device class, else on any; nothing before the first task.
  std::optional<double> seconds(PaceId work, const std::string& device_class) const;
  std::optional<double> seconds(PaceId work) const;
  double load_seconds(PaceId work) const;  // 0: none was measured, or it has no model
  // How many times as long as is usual on its device class the worker takes. 1 unless it is plainly slow: by half or more.
  double slowness(WorkerId worker) const;
  // Device seconds per task there; the time of a task until attempts have ended.
  std::optional<double> device_seconds(PaceId work, const std::string& device_class) const;

 private:
  struct Average {
    std::string device_class;
    double seconds = 0;
    double usual = 0;  // the same, where what took unusually long weighs little
    std::uint32_t samples = 0;
    void add(double value, std::uint32_t remembered);
  };
  struct Work {
    Average any, load;
    std::vector<Average> by_class, used_by_class;
  };
  static Average& row_of(std::vector<Average>& rows, const std::string& device_class);
  std::map<std::string, PaceId> ids_;
  std::vector<Work> works_;
  std::vector<PaceId> free_;
  std::unordered_map<WorkerId, Average> slowness_;
};

// The name of a phase's kind of work.
std::string pace_name(const JobRecord& job, const jobs::PhasePlan& phase);

}  // namespace framemill::scheduler
