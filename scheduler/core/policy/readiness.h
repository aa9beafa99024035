// Which tasks have what they need: every task they wait for is published; a sheet, which is for seeing what is there,
// waits only until what it shows is over. Range-wise, so that millions of tasks that wait for one and the same thing
// are one question.
#pragma once

#include <vector>

#include "scheduler/core/state/job_book.h"

namespace framemill::scheduler {

// The parts of `tasks` whose needs are met, ascending; the rest must wait.
std::vector<TaskRange> ready_parts(const JobEntry& job, const PhaseEntry& phase, TaskRange tasks);

// The same, where files of roots (root_files.h) are left out of account: what is missing from the former waits for such
// files alone.
std::vector<TaskRange> open_but_for_files(const JobEntry& job, const PhaseEntry& phase, TaskRange tasks);

// The needs of one task, where `own` tasks of its own phase count as published: the earlier ones of the same attempt.
bool needs_met(const JobEntry& job, const PhaseEntry& phase, TaskIndex task, TaskRange own);

// Nothing more can come of these tasks without a person: each is final, or waits for one that is and was not published.
bool are_over(const JobEntry& job, const PhaseEntry& phase, TaskRange tasks);

// The first need of the task that is not met, and a task that it waits for; nothing when all are met.
struct Missing {
  const jobs::Need* need = nullptr;
  jobs::PhaseIndex phase = 0;
  TaskIndex task = 0;
};
std::optional<Missing> first_missing(const JobEntry& job, const PhaseEntry& phase, TaskIndex task);

}  // namespace framemill::scheduler
