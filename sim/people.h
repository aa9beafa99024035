// Those who use the simulated farm: they submit jobs (again with the same key until they have an answer), pause, resume,
// cancel, retry, change priorities, drain workers. What they were answered they remember: it must survive everything.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/random.h"
#include "sim/scheduler_host.h"

namespace framemill::sim {

jobs::PackageFacts demo_package();

class People {
 public:
  People(EventQueue& time, Random random, Trace& trace, SchedulerHost& scheduler, std::uint32_t jobs);

  void begin();             // the jobs are submitted over the first minute
  void do_something();      // one verb, on one job or worker
  void put_things_right();  // from then on: whatever is held, paused or failed is resumed and retried
  bool all_submitted() const;

  struct Submission {
    std::string text, token;
    scheduler::JobSubmitted event;
    std::optional<jobs::JobId> answered;
  };
  const std::vector<Submission>& submissions() const { return submissions_; }
  // The last priority that was acknowledged, where nothing was asked since: what the job must have.
  const std::map<jobs::JobId, std::int32_t>& priorities() const { return priorities_; }
  bool cancelled(jobs::JobId job) const { return cancelled_.contains(job); }

 private:
  void submit(std::size_t number);
  void change(scheduler::JobChangeRequested event);
  void change(scheduler::WorkerChangeRequested event);

  EventQueue& time_;
  Random random_;
  Trace& trace_;
  SchedulerHost& scheduler_;
  std::vector<Submission> submissions_;
  std::map<jobs::JobId, std::uint64_t> asked_;  // changes of a job, also those that nobody answered
  std::map<jobs::JobId, std::int32_t> priorities_;
  std::set<jobs::JobId> cancelled_;  // acknowledged, and nothing asked since
};

}  // namespace framemill::sim
