// What must hold whatever goes wrong: a table. A row names a promise (docs/promises.md) and looks at the world after each
// event, with the facts that are new; it may remember what it saw. To add one: add a row.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/facts.h"

namespace framemill::sim {

class World;

struct Invariant {
  std::string_view name;
  std::string_view promise;  // "P2"
  // What is wrong, in one sentence; empty: nothing.
  std::function<std::string(const World&, std::span<const Fact>)> look;
};
// A table of its own for each world: the rows remember.
std::vector<Invariant> invariants();

}  // namespace framemill::sim
