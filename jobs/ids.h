// The ids that every room speaks. Jobs, workers and attempts are numbered by the scheduler; phases and tasks are
// positions in a job's plan.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/strong_id.h"

namespace framemill::jobs {

using JobId = base::StrongId<struct JobTag, std::uint32_t>;        // short ordered numbers that people type
using WorkerId = base::StrongId<struct WorkerTag, std::uint32_t>;  // one per enrolled CURVE key
using LayerIndex = std::uint32_t;                                  // position in the job's spec
using PhaseIndex = std::uint32_t;                                  // position in the job's plan
using TaskIndex = std::uint32_t;                                   // 0..task_count-1 inside a phase

struct PhaseId {
  JobId job;
  PhaseIndex index = 0;
  constexpr auto operator<=>(const PhaseId&) const = default;
};

// Consecutive tasks of one phase: all that core, wire, leases and tables ever speak of.
struct TaskRange {
  TaskIndex first = 0;
  std::uint32_t count = 0;
  constexpr TaskIndex end() const { return first + count; }
  constexpr bool empty() const { return count == 0; }
  constexpr bool contains(TaskIndex t) const { return t >= first && t < end(); }
  constexpr auto operator<=>(const TaskRange&) const = default;
};

// One start of the scheduler: a number raised durably at each start, and random bits, so that an epoch made from a
// restored backup is never taken for the one that was lost.
struct Epoch {
  std::uint32_t number = 0;
  std::uint64_t nonce = 0;
  constexpr auto operator<=>(const Epoch&) const = default;
};

// Never used again; names the staging directory and is the only fence for commits.
struct AttemptId {
  Epoch epoch;
  std::uint64_t counter = 0;
  constexpr auto operator<=>(const AttemptId&) const = default;
  constexpr explicit operator bool() const { return counter != 0; }
  std::string text() const;  // "3-00f1e2d3c4b5a697-17": file name safe
  static std::optional<AttemptId> parse(std::string_view text);
};

}  // namespace framemill::jobs

template <>
struct std::hash<framemill::jobs::PhaseId> {
  std::size_t operator()(const framemill::jobs::PhaseId& p) const noexcept {
    return (std::size_t{p.job.value} << 32) ^ p.index;
  }
};
template <>
struct std::hash<framemill::jobs::AttemptId> {
  std::size_t operator()(const framemill::jobs::AttemptId& a) const noexcept {
    return a.counter * 0x9E3779B97F4A7C15ull ^ a.epoch.nonce;
  }
};
