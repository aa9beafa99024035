// Pages of what a job has left behind (files, attempts), read from the store and told in the words of the plan. Started
// on the loop thread; the reply comes on the loop thread.
#pragma once

#include "net/event_loop.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/loop/scheduler.h"

namespace framemill::scheduler {

void page_of_frames(net::EventLoop& loop, Scheduler& scheduler, FrameQuery query, Reply<FramePage> reply);
void page_of_attempts(net::EventLoop& loop, Scheduler& scheduler, AttemptQuery query, Reply<AttemptPage> reply);

}  // namespace framemill::scheduler
