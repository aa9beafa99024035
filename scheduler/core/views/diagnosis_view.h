// What a diagnosis tells (diagnosis.h makes it): values for other threads, like all views.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/core/state/records.h"

namespace framemill::scheduler {

struct Finding {
  enum class Kind : std::uint8_t {
    Failure,     // tasks that were given up, of one layer and one code
    Quarantine,  // tasks that killed executors
    Stuck,       // a layer that is held: everything that could take it gave its work back
    Host,        // a worker that gets no more of a layer
    Waiting,     // nothing runs: why the first task does not
    Slow         // an attempt that takes several times as long as its work does elsewhere
  };
  enum class Blame : std::uint8_t { Work, Host, Input, Unknown };
  struct Tries {
    std::string worker;
    std::uint32_t tasks = 0;  // that failed there
  };

  Kind kind = Kind::Failure;
  std::string layer;  // empty: of the job as a whole
  std::uint32_t tasks = 0;
  jobs::FrameSet frames;      // that those tasks stand for; empty: a file of all frames
  std::string code, message;  // of the last attempt
  Blame blame = Blame::Unknown;
  std::string because;  // whose fault it is and how that is known, or why it waits: a sentence without a full stop
  std::vector<Tries> workers;     // by name; at most kDiagnosisWorkersMax
  jobs::AttemptId attempt;        // whose log tells more; none: no attempt does
  std::string log_line;           // of that log, the line that says most; filled in by whoever has the store
  std::string waiting;            // "cut, sheet (12 tasks)": what waits for it; may be empty
  std::vector<std::string> next;  // commands to type, the first first; or what else to do
};
inline constexpr std::size_t kDiagnosisWorkersMax = 16, kFindingsMax = 32;

struct DiagnosisView {
  jobs::JobId job;
  jobs::JobState state = jobs::JobState::Queued;
  std::string sentence;           // the whole answer in one line
  std::vector<Finding> findings;  // the worst first, at most kFindingsMax; empty: nothing is wrong
};

std::string_view name(Finding::Kind kind);    // "failure"
std::string_view name(Finding::Blame blame);  // "work"

// Of what a program printed, the line that most likely tells why it failed: the last that speaks of an error, else the
// last that is not empty; at most 300 bytes.
std::string telling_line(std::string_view output);

}  // namespace framemill::scheduler
