// A farm whose truth is known, as a forecaster sees one: jobs come, tasks take what a function says, and at any moment
// there are records, commits that were measured, and rows of workers to look ahead from.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "forecast/forecast.h"
#include "forecast/virtual_farm.h"

namespace framemill::forecast::testing {

jobs::PackageFacts package(
    const std::string& name);  // "demo": demo@1, windows of 16 frames, 20 steps, variants no limit
// One layer "a"; `deadline`: of the run's wall clock, 0: none.
std::shared_ptr<const jobs::JobSpec> spec(const std::string& shot, const std::string& layer, int priority = 50,
                                          base::WallTime deadline = {}, const std::string& show = "s");
std::string commands(const std::string& program, int frames);  // a task a frame
std::string windows(const std::string& model, int frames, const std::string& more = "");
scheduler::Inventory inventory(const std::string& name, const std::string& device_class = "a");

class Truth : public FarmWatcher {
 public:
  using Seconds = std::function<double(const TaskRun&, Draws&)>;
  Truth(Seconds task, std::uint64_t seed, double load_s = 0);

  WorkerId join(const std::string& name, const std::string& device_class = "a");
  JobId submit(std::shared_ptr<const jobs::JobSpec> spec, std::vector<jobs::PackageFacts> packages = {});
  void run_for(base::Duration time) { farm.run_until(farm.now() + time); }

  // The farm at this moment. The replica lives until the next call.
  FarmAsItIs as_it_is();
  Replica& replica() { return *replica_; }
  // A look of `futures` futures, whatever they cost.
  Forecasts look(std::uint32_t futures = 16, const TrackRecord* track = nullptr, std::uint64_t look_seed = 1);

  void on_finished(WorkerId by, PhaseId of, scheduler::TaskRange tasks, base::Instant at) override;
  void on_job_over(JobId job, jobs::JobState state, base::Instant at) override;

  std::map<JobId, base::WallTime> over;  // jobs that are done, and when

  VirtualFarm farm;

 private:
  std::uint64_t seed_;
  Seconds task_;
  std::map<JobId, scheduler::JobRecord> jobs_;
  std::map<WorkerId, scheduler::DeviceState> devices_;
  std::vector<scheduler::CommitRecord> commits_;
  std::unique_ptr<Replica> replica_;
  std::vector<JobId> ended_;
};

Budget unlimited(std::uint32_t futures);

}  // namespace framemill::forecast::testing
