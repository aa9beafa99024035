// What happens in a simulated farm, line by line: virtual seconds since the start, who, what. Printed as it comes, or kept
// as the last lines before a violation.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "sim/event_queue.h"

namespace framemill::sim {

enum class TraceMode { Off, Keep, Print };

class Trace {
 public:
  static constexpr std::size_t kLinesKept = 200;

  Trace(const EventQueue& time, TraceMode mode) : time_(time), began_(time.now()), mode_(mode) {}

  template <class... Args>
  void say(std::string_view who, fmt::format_string<Args...> format, Args&&... args) {
    if (mode_ == TraceMode::Off) return;
    const std::int64_t ms = (time_.now() - began_).ms;
    add(fmt::format("{:>8}.{:03} {:<9} {}", ms / 1000, ms % 1000, who,
                    fmt::format(format, std::forward<Args>(args)...)));
  }
  const std::deque<std::string>& last() const { return lines_; }

 private:
  void add(std::string line) {
    if (mode_ == TraceMode::Print) std::fprintf(stdout, "%s\n", line.c_str());
    lines_.push_back(std::move(line));
    if (lines_.size() > kLinesKept) lines_.pop_front();
  }

  const EventQueue& time_;
  const base::Instant began_;
  const TraceMode mode_;
  std::deque<std::string> lines_;
};

}  // namespace framemill::sim
