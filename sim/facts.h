// What was seen in the simulated farm since the invariants were last looked at: plain facts, told by the hosts and judged
// by nobody but the table in invariants.cpp. Each is seen from outside: bytes that left a process, work that began, a file
// that got its name.
#pragma once

#include <cstdint>
#include <memory>
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
struct ReportReached {  // the scheduler's core
  std::size_t worker = 0;
  std::vector<scheduler::AttemptId> named;  // what it runs
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
                          WorkEnded, ReplyNotFollowed, FileNamed>;
using Facts = std::vector<Fact>;

}  // namespace framemill::sim
