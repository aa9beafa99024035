// Marks rows that are to be copied for those who watch. What a person changed and what an event speaks of is copied at
// once, with the turn, so that whoever was answered or told sees it; the rest in rounds (views/view_feed.h).
#pragma once

#include "scheduler/core/state/farm_state.h"

namespace framemill::scheduler {

void show_at_once(FarmState& farm, JobEntry& job);
void show_at_once(FarmState& farm, WorkerEntry& worker);
void show_later(FarmState& farm, JobEntry& job);
void show_later(FarmState& farm, WorkerEntry& worker);
// Rows of what the turn touched. Before its records are written, whose names it reads.
void note_touched_rows(FarmState& farm);
void note_forgotten_row(FarmState& farm, const JobEntry& job);

}  // namespace framemill::scheduler
