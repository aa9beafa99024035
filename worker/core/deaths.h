// How an executor died, and what that means for the attempts aboard: a table, not a pile of ifs. Pure. The first row
// that matches wins; the last one matches all. Whether the tasks are charged, granted again alone or counted as
// evidence is the scheduler's affair (jobs/lifecycle.h): here only the outcome and the finer code are chosen.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "jobs/lifecycle.h"

namespace framemill::worker {

// Why the worker itself ended the process; None: it died on its own.
enum class KilledBecause { None, Hung, StartTimeout, BadMessage, CancelIgnored, Drained, Stopped };

struct Death {
  KilledBecause killed = KilledBecause::None;
  bool started = true;         // it had said ExecutorReady
  bool memory_capped = false;  // the kernel killed it for memory, or it died at its measured cap
  int exit_status = -1;        // -1: ended by a signal
  int signal = 0;
  std::string host_code;  // it was not started at all because of the host: base/os_error.h
  std::string detail;     // for people: the bad message, the seconds of silence, why it could not be started
};

struct DeathRow {
  KilledBecause killed;  // Any() rows leave it open
  bool any_killed;
  int exit_status;        // kAny: whatever
  int signal;             // kAny: whatever
  bool needs_memory_cap;  // only with Death.memory_capped
  jobs::Outcome outcome;
  std::string_view code;
  std::string_view sentence;  // "{}" stands for the number or the detail
};
inline constexpr int kAny = -2;

std::span<const DeathRow> death_table();

struct DeathVerdict {
  jobs::Outcome outcome = jobs::Outcome::ExecutorCrashed;
  std::string code;
  std::string message;  // one sentence, with the number of leases that were aboard
};
DeathVerdict judge(const Death& death, std::size_t leases_aboard);

}  // namespace framemill::worker
