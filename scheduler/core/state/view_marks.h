// Whose rows, as people see them, are no longer right: acts note here what they touched (acts/view_marking.h), and
// views/view_feed.h copies the rows. While nobody takes them, a name stands here once and nothing else happens.
#pragma once

#include <set>
#include <vector>

#include "base/time.h"
#include "jobs/ids.h"

namespace framemill::scheduler {

using jobs::JobId;
using jobs::WorkerId;

struct RowState {  // of a job's or a worker's row, in its entry
  bool shown = false, at_once = false, due = false;
  base::Instant copied{INT64_MIN};
};

struct ViewMarks {
  std::set<JobId> jobs_now, jobs_due;  // to copy at once, and in the rounds
  std::set<WorkerId> workers_now, workers_due;
  std::set<JobId> live;          // jobs whose row says that they are not over: time alone changes it
  std::vector<JobId> forgotten;  // jobs that were shown and are no longer there

  // Where the rounds stand; see views/view_feed.cpp.
  JobId due_job, live_job;
  WorkerId due_worker, any_worker;
  bool more = false;            // the last round left rows for the next
  bool limits_changed = false;  // a person changed one
  bool shares_changed = false;  // the same, or there is a new one
  base::Instant limits_copied{INT64_MIN}, shares_copied{INT64_MIN};
  base::Instant round{INT64_MIN}, round_at_latest{INT64_MIN};
};

}  // namespace framemill::scheduler
