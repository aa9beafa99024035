// What comes of the orders to give committed files their final names (publish_orders.h): rolled forward whatever happens
// to the job.
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void on_published(FarmState& farm, const TasksPublished& published);
void on_publish_failed(FarmState& farm, WorkerId worker, const PublishFailed& failed);

}  // namespace framemill::scheduler
