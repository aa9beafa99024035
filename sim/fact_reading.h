// How the rows of the table of invariants read the new facts. For sim/*invariants.cpp.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>

#include "sim/facts.h"

namespace framemill::sim {

// Calls `f` with each new fact of the type; its first sentence is the answer.
template <class T, class F>
std::string for_each(std::span<const Fact> facts, F f) {
  for (const Fact& fact : facts)
    if (const T* of_type = std::get_if<T>(&fact))
      if (std::string wrong = f(*of_type); !wrong.empty()) return wrong;
  return {};
}

inline bool has_turn(std::span<const Fact> facts) {
  return std::any_of(facts.begin(), facts.end(), [](const Fact& f) { return std::holds_alternative<TurnTaken>(f); });
}

inline std::string text(jobs::PhaseId phase, jobs::TaskIndex task) {
  return fmt::format("job {} phase {} task {}", phase.job.value, phase.index, task);
}

}  // namespace framemill::sim
