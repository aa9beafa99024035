// The only places where a task changes its state: counts, ready queue, troubles and dirty records follow here, once.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

// All of `tasks` go to `state`; those that are in it already stay. A move that the lifecycle forbids is a broken
// invariant.
void move_tasks(FarmState& farm, PhaseEntry& phase, TaskRange tasks, TaskState state);
// To ready where the needs are met, else to waiting.
void return_tasks(FarmState& farm, PhaseEntry& phase, TaskRange tasks);
// After tasks were published: those that waited for them become ready where nothing else is missing.
void wake_dependents(FarmState& farm, PhaseEntry& phase, TaskRange published);

// The trouble of a task, made when it has none; changes to it go through the functions below.
FailureHistory& failure_history_of(FarmState& farm, PhaseEntry& phase, TaskIndex task);
void isolate(FarmState& farm, PhaseEntry& phase, TaskIndex task);     // in a slot of its own
void run_single(FarmState& farm, PhaseEntry& phase, TaskIndex task);  // in a lease of its own
void forget_trouble(FarmState& farm, PhaseEntry& phase, TaskIndex task);
void sort_trouble(FarmState& farm, PhaseEntry& phase, TaskIndex task);  // its trouble changed: into its share
void sort_troubles(FarmState& farm, PhaseEntry& phase);

// Queue membership follows priority, pause and pins: out, change, in.
void dequeue(FarmState& farm, JobEntry& job);
void enqueue(FarmState& farm, JobEntry& job);
void pin_device_class(FarmState& farm, JobEntry& job, const PhaseEntry& phase, const std::string& device_class);
// After an attempt of the phase came to nothing: it binds its variant to no device class.
void unpin_unmade(FarmState& farm, JobEntry& job, const PhaseEntry& ended);

}  // namespace framemill::scheduler
