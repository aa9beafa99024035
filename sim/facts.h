// What was seen in the simulated farm since the invariants were last looked at: plain facts, told by the hosts and judged
// by nobody but the table in invariants.cpp. Each is seen from outside: bytes that left a process, work that began, a file
// that got its name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/sha256.h"
#include "scheduler/core/state/effects.h"
#include "wire/farm.pb.h"

namespace framemill::sim {

struct SchedulerBegan {};
// The core took a turn. `changes`: turns with something to store up to this one, of this process.
struct TurnTaken {
  std::uint64_t changes = 0;
  std::shared_ptr<const scheduler::Effects> effects;
};
struct ReportReached {  // the scheduler's core, just before its turn
  std::size_t worker = 0;
  std::vector<scheduler::AttemptId> named;  // what it runs
  std::uint64_t incarnation = 0, sequence = 0;
  bool draining = false;
  std::optional<bool> root_usable{};  // as its inventory says; none: it brings no inventory
  bool is_newest = false;             // of this process of the worker; no later one has reached the scheduler
  bool is_former = false;             // of the process before the one that the scheduler heard last
};
struct ReplyLeft {  // the scheduler, for the wire; `durable`: of the changes, by then
  std::size_t worker = 0;
  std::uint64_t durable = 0;
  std::shared_ptr<const wire::SchedulerReply> reply;
};
struct AnswerLeft {  // to a person
  scheduler::RequestId request = 0;
  std::uint64_t durable = 0;
};
struct WorkBegan {
  std::size_t worker = 0;
  scheduler::AttemptId attempt;
  bool child = false;
};
struct InputAbsent {  // a task was to begin, and a file that it reads was not there
  scheduler::AttemptId attempt;
  scheduler::PhaseId phase;
};
struct WorkEnded {
  scheduler::AttemptId attempt;
};
struct StagingAsked {  // by a worker that takes a grant
  std::size_t worker = 0;
  scheduler::AttemptId attempt;
};
struct StagingSwept {  // whatever is in it
  scheduler::AttemptId attempt;
};
struct ReplyNotFollowed {  // by its worker, and why: it cannot be read, or history was lost
  std::size_t worker = 0;
  std::string problem;
};
struct FileNamed {
  std::string path;
  base::Sha256 sha256;
  scheduler::AttemptId made_by;
  scheduler::PhaseId phase;
  scheduler::TaskIndex task = 0;
};

using Fact = std::variant<SchedulerBegan, TurnTaken, ReportReached, ReplyLeft, AnswerLeft, WorkBegan, InputAbsent,
                          WorkEnded, StagingAsked, StagingSwept, ReplyNotFollowed, FileNamed>;
using Facts = std::vector<Fact>;

}  // namespace framemill::sim
