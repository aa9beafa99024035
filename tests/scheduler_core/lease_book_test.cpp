#include "scheduler/core/state/lease_book.h"

#include <catch2/catch.hpp>

namespace framemill::scheduler {
namespace {

AttemptId attempt(std::uint64_t counter) {
  return {{1, 77}, counter};
}

TEST_CASE("an ended attempt is remembered until none of its tasks waits for its name") {
  const PhaseId phase{JobId(1), 0};
  TaskStates tasks(8, TaskState::Committed);
  LeaseBook book;
  book.remember(attempt(1), {phase, {0, 4}, WorkerId(1)});
  book.remember(attempt(2), {phase, {4, 4}, WorkerId(1)});

  tasks.set({0, 3}, TaskState::Published);
  book.forget_published(phase, tasks, {0, 3});
  CHECK(book.remembered(attempt(1)) != nullptr);

  tasks.set({3, 1}, TaskState::Published);
  book.forget_published(phase, tasks, {3, 1});
  CHECK(book.remembered(attempt(1)) == nullptr);
  CHECK(book.remembered(attempt(2)) != nullptr);
}

TEST_CASE("a job that leaves the memory takes its ended attempts along, whatever became of their files") {
  LeaseBook book;
  book.remember(attempt(1), {{JobId(1), 0}, {0, 4}, WorkerId(1)});
  book.remember(attempt(2), {{JobId(1), 3}, {0, 4}, WorkerId(1)});
  book.remember(attempt(3), {{JobId(2), 0}, {0, 4}, WorkerId(1)});
  book.forget_job(JobId(1));
  CHECK(book.remembered(attempt(1)) == nullptr);
  CHECK(book.remembered(attempt(2)) == nullptr);
  CHECK(book.remembered(attempt(3)) != nullptr);
}

}  // namespace
}  // namespace framemill::scheduler
