#include "jobs/lifecycle.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace framemill::jobs {
namespace {

TEST_CASE("every outcome has its own code, a sentence, and is found by its code") {
  std::set<std::string_view> codes;
  for (int i = 0; i < kOutcomeCount; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    const OutcomeRow& row = outcome_row(outcome);
    CHECK(row.outcome == outcome);
    CHECK(codes.insert(row.code).second);
    CHECK(row.sentence.size() > 10);
    CHECK(row.sentence.back() == '.');
    CHECK(outcome_from_code(row.code) == outcome);
  }
  CHECK_FALSE(outcome_from_code("fine"));
  CHECK_FALSE(outcome_from_code(""));
}

TEST_CASE("every reason to take a lease back has its own code, and only one of them removes what was written") {
  std::set<std::string_view> codes;
  for (int i = 0; i < kRevokeReasonCount; ++i) {
    const auto reason = static_cast<RevokeReason>(i);
    const RevokeRow& row = revoke_row(reason);
    CHECK(codes.insert(row.code).second);
    CHECK(revoke_reason_from_code(row.code) == reason);
    CHECK(row.sweeps == (reason == RevokeReason::Unknown));
  }
}

TEST_CASE("only failed, timeout and bad_output are charged, and only a crash is evidence") {
  std::set<std::string_view> charged, evidence, not_retryable;
  for (int i = 0; i < kOutcomeCount; ++i) {
    const OutcomeRow& row = outcome_row(static_cast<Outcome>(i));
    if (row.charged) charged.insert(row.code);
    if (row.evidence) evidence.insert(row.code);
    if (!row.retryable) not_retryable.insert(row.code);
  }
  CHECK(charged == std::set<std::string_view>{"failed", "timeout", "bad_output"});
  CHECK(evidence == std::set<std::string_view>{"executor_crashed"});
  CHECK(not_retryable == std::set<std::string_view>{"ok"});
}

TEST_CASE("state names are read back as they are written") {
  CHECK(name(JobState::Queued) == "queued");
  CHECK(name(JobState::Cancelled) == "cancelled");
  CHECK(name(PhaseState::Failed) == "failed");
  CHECK(name(TaskState::Quarantined) == "quarantined");
  CHECK(name(WorkerState::Draining) == "draining");
  for (int i = 0; i < kTaskStateCount; ++i) {
    const auto state = static_cast<TaskState>(i);
    CHECK(task_state_from_name(name(state)) == state);
  }
  CHECK(job_state_from_name("paused") == JobState::Paused);
  CHECK(phase_state_from_name("waiting") == PhaseState::Waiting);
  CHECK(worker_state_from_name("silent") == WorkerState::Silent);
  CHECK_FALSE(job_state_from_name("Running"));
  CHECK_FALSE(task_state_from_name("gone"));
}

TEST_CASE("a published task never moves again") {
  for (int i = 0; i < kTaskStateCount; ++i) CHECK_FALSE(may_move(TaskState::Published, static_cast<TaskState>(i)));
}

TEST_CASE("no task moves to the state it is in") {
  for (int i = 0; i < kTaskStateCount; ++i) CHECK_FALSE(may_move(static_cast<TaskState>(i), static_cast<TaskState>(i)));
}

TEST_CASE("a task is published only from committed, and a committed one is not cancelled") {
  for (int i = 0; i < kTaskStateCount; ++i) {
    const auto from = static_cast<TaskState>(i);
    CHECK(may_move(from, TaskState::Published) == (from == TaskState::Committed));
  }
  CHECK_FALSE(may_move(TaskState::Committed, TaskState::Cancelled));
  CHECK(may_move(TaskState::Committed, TaskState::Ready));  // its staged files are gone: it is made again
  CHECK_FALSE(may_move(TaskState::Published, TaskState::Ready));
}

TEST_CASE("retry reopens failed, quarantined and cancelled tasks") {
  for (const TaskState from : {TaskState::Failed, TaskState::Quarantined, TaskState::Cancelled}) {
    CHECK(is_final(from));
    CHECK(may_move(from, TaskState::Ready));
    CHECK(may_move(from, TaskState::Waiting));
    CHECK_FALSE(may_move(from, TaskState::Leased));
  }
  CHECK(may_move(TaskState::Failed, TaskState::Committed));
  CHECK_FALSE(may_move(TaskState::Cancelled, TaskState::Committed));
}

TEST_CASE("an attempt whose lease ran out may still commit its tasks") {
  CHECK(may_move(TaskState::Leased, TaskState::Ready));
  CHECK(may_move(TaskState::Ready, TaskState::Committed));
  CHECK(may_move(TaskState::Leased, TaskState::Waiting));
  CHECK(may_move(TaskState::Waiting, TaskState::Committed));
}

}  // namespace
}  // namespace framemill::jobs
