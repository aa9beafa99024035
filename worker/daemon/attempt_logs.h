// What a slot's executor printed while an attempt was in it: its lines from the attempt's start on, without those that
// speak of another attempt by its number. Plain values; owned by the daemon, loop thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/core/values.h"
#include "worker/supervisor/output_tail.h"

namespace framemill::worker {

class AttemptLogs {
 public:
  void begin(const AttemptId& attempt, SlotIndex slot, const std::string& first_line);
  void forget(const AttemptId& attempt) { logs_.erase(attempt); }
  // A line that the slot's executor printed.
  void add(SlotIndex slot, std::string_view line);
  // Empty: it has no log.
  std::string text(const AttemptId& attempt) const;
  std::map<AttemptId, std::string> texts_of(SlotIndex slot) const;
  // Those whose text has changed since the last call.
  std::vector<std::pair<AttemptId, std::string>> take_changed();

 private:
  struct Log {
    SlotIndex slot = 0;
    OutputTail output;
    bool changed = true;
  };
  std::map<AttemptId, Log> logs_;
};

}  // namespace framemill::worker
