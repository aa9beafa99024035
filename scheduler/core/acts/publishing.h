// What comes of the orders to give committed files their final names (publish_orders.h): rolled forward whatever happens
// to the job.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void on_published(FarmState& farm, const TasksPublished& published);
void on_publish_failed(FarmState& farm, WorkerId worker, const PublishFailed& failed);

// The task has failed because its files did not get their names, and they lie where they were made: a retry of it orders
// their names again.
bool failed_files_stay(const PhaseEntry& phase, TaskIndex task);

}  // namespace framemill::scheduler
