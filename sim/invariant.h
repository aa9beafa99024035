// One row of the table of what must hold whatever goes wrong. Each names a promise (docs/promises.md).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "sim/facts.h"

namespace framemill::sim {

class World;

// What is wrong, in one sentence; empty: nothing. Called after each event, with the facts that are new.
using Look = std::function<std::string(const World&, std::span<const Fact>)>;
struct Invariant {
  std::string_view name;
  std::string_view promise;  // "P2"
  Look look;
};

}  // namespace framemill::sim
