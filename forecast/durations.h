// What work takes on a virtual farm. Whoever sets one up says so; equal draws must give equal answers, and an answer
// may be asked for again.
#pragma once

#include <functional>

#include "forecast/draws.h"
#include "scheduler/core/state/events.h"
#include "scheduler/core/state/records.h"

namespace framemill::forecast {

struct TaskRun {
  const scheduler::JobRecord& job;
  const jobs::PhasePlan& phase;
  scheduler::TaskIndex task = 0;
  scheduler::WorkerId worker;
  const scheduler::DeviceState& device;
};

struct Durations {
  // Seconds of its slot that the task takes, without the load of a model.
  std::function<double(const TaskRun&, Draws&)> task_s;
  // Seconds before the first task of a lease: of a model into a slot that does not hold it, and for work without a model
  // at the begin of every lease. Null: nothing.
  std::function<double(const TaskRun&, Draws&)> load_s;
};

}  // namespace framemill::forecast
