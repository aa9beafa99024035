// Pages of what a job has left behind (files, attempts), read from the store and put in the words of the plan. Called on
// any thread; the reply comes there at once or, once the store has answered, on the store's thread. The core's loop has
// no part in it: what is not on record (plans, names, what a program prints) is on the board.
#pragma once

#include <memory>

#include "scheduler/daemon/view_board.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/store/history.h"

namespace framemill::scheduler {

struct HistorySources {
  store::History& records;  // outlives every search
  std::shared_ptr<ViewBoard> board;
};

base::Error no_such_job(JobId job);

void page_of_frames(const HistorySources& sources, FrameQuery query, Reply<FramePage> reply);
void page_of_attempts(const HistorySources& sources, AttemptQuery query, Reply<AttemptPage> reply);

}  // namespace framemill::scheduler
