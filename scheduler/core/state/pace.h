// How long a task takes, as measured: per kind of work and device class, an average that forgets slowly. Chunk sizes
// and the time to the end come from it; nothing that decides a pixel does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

using PaceId = std::uint32_t;  // a kind of work: the denoise windows of one model and step count, one command layer ...

class DurationEstimator {
 public:
  PaceId intern(const std::string& work);
  void forget_job_work(const std::string& work);  // of a job that is forgotten; work that jobs share stays
  void measured(PaceId work, const std::string& device_class, std::uint64_t duration_us);
  // Seconds per task on that device class, else on any; nothing before the first task.
  std::optional<double> seconds(PaceId work, const std::string& device_class) const;
  std::optional<double> seconds(PaceId work) const;

 private:
  struct Average {
    std::string device_class;
    double seconds = 0;
    std::uint32_t samples = 0;
    void add(double value);
  };
  struct Work {
    Average any;
    std::vector<Average> by_class;
  };
  std::map<std::string, PaceId> ids_;
  std::vector<Work> works_;
  std::vector<PaceId> free_;
};

// The name of a phase's kind of work.
std::string pace_name(const JobRecord& job, const jobs::PhasePlan& phase);

}  // namespace framemill::scheduler
