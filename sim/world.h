// The whole farm in one process: a scheduler, workers, people, storage, the wire between them, and time, all from one
// seed. First come minutes with faults, then they stop, and all that was submitted must be done (sim/run.h). Members are
// public for the tables of faults and invariants. Single-threaded; equal seeds give equal runs, event by event.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/farm_plan.h"
#include "sim/people.h"
#include "sim/scheduler_host.h"
#include "sim/worker_host.h"

namespace framemill::sim {

class World {
 public:
  World(FarmPlan plan, TraceMode mode);
  void begin();
  // No fault strikes any more: whatever was stopped begins again, until all that was submitted is done.
  void calm_down();
  // Why it is not at rest; empty: all jobs have ended well, and nobody has anything left to do or to report.
  std::string unrest() const;

  const FarmPlan plan;
  EventQueue time;
  Trace trace;
  Facts facts;
  Plans plans;
  SharedRoot root{facts};
  Network network;
  Process scheduler_process{time};
  Journal journal;
  SchedulerHost scheduler;
  std::vector<std::unique_ptr<WorkerHost>> workers;
  People people;
  bool calm = false;  // faults come no more
  base::Instant calm_since = base::kNever;
  bool resting = false;  // calm, and there is nothing left to do
 private:
  void put_right();
};

}  // namespace framemill::sim
