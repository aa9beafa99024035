#include "worker/core/deaths.h"

#include <catch2/catch.hpp>
#include <set>

#include "tests/worker_core/bench.h"
#include "wire/executor_exit.h"

namespace framemill::worker {
namespace {

using bench::exited;
using bench::signalled;
using jobs::Outcome;

TEST_CASE("every way to die has an outcome, a code of its own and a sentence") {
  for (const DeathRow& row : death_table()) {
    CHECK(row.code.find('.') != std::string_view::npos);
    CHECK(row.sentence.back() == '.');
  }
  CHECK(judge(signalled(11), 1).code == "executor.segv");
  CHECK(judge(signalled(6), 1).code == "executor.abort");
  CHECK(judge(signalled(9), 1).code == "executor.killed");
  CHECK(judge(signalled(31), 1).code == "executor.died");
  CHECK(judge(exited(3), 1).code == "executor.died");
  CHECK(judge(exited(3), 1).message == "The executor died (exit status 3).");
  for (const int number : {6, 9, 11, 31}) CHECK(judge(signalled(number), 1).outcome == Outcome::ExecutorCrashed);
}

TEST_CASE("the exit statuses that executors and workers agreed on mean what they say") {
  CHECK(judge(exited(wire::kExitOutOfDeviceMemory), 1).outcome == Outcome::Oom);
  CHECK(judge(exited(wire::kExitOutOfDeviceMemory), 1).code == "executor.device_memory");
  CHECK(judge(exited(wire::kExitOutOfHostMemory), 1).code == "executor.host_memory");
  CHECK(judge(exited(wire::kExitHardware), 1).outcome == Outcome::Hardware);
  CHECK(judge(exited(wire::kExitProtocol), 1).code == "executor.protocol");
  CHECK(judge(exited(wire::kExitConfiguration), 1).code == "executor.configuration");
  CHECK(judge(exited(wire::kExitFinished), 1).code == "executor.left");
}

TEST_CASE("a death under the memory cap is out of memory whatever the signal was") {
  for (const int number : {6, 9, 11}) {
    Death death = signalled(number);
    death.memory_capped = true;
    CHECK(judge(death, 1).outcome == Outcome::Oom);
  }
}

TEST_CASE("what the worker killed is judged by its reason and not by the signal") {
  Death death = signalled(9);
  death.killed = KilledBecause::Hung;
  death.detail = "61.0 s";
  CHECK(judge(death, 1).code == "executor.hung");
  CHECK(judge(death, 1).message.find("61.0 s") != std::string::npos);
  CHECK(judge(death, 3).message.find("3 leases were in progress") != std::string::npos);
  death.killed = KilledBecause::BadMessage;
  CHECK(judge(death, 1).code == "executor.bad_message");
  death.killed = KilledBecause::Drained;
  CHECK(judge(death, 1).outcome == Outcome::Revoked);
}

TEST_CASE("an executor that never became ready accuses no task") {
  Death death = signalled(11);
  death.started = false;
  CHECK(judge(death, 1).outcome == Outcome::NotAdmitted);
  CHECK(judge(death, 1).code == "executor.cannot_start");
}

}  // namespace
}  // namespace framemill::worker
