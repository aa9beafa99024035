#include "sim/run.h"

#include <fmt/format.h>

#include <utility>

#include "sim/faults.h"
#include "sim/invariants.h"
#include "sim/world.h"

namespace framemill::sim {
namespace {

class Run {
 public:
  Run(FarmPlan plan, TraceMode mode) : world_(std::move(plan), mode), invariants_(invariants()) {}

  Verdict go() {
    const base::Instant began = world_.time.now();
    world_.begin();
    draw_faults();
    world_.time.after(world_.plan.with_faults, [this] { world_.calm_down(); });
    while (!world_.resting && !world_.time.empty()) {
      world_.time.step();
      if (!all_hold()) break;
    }
    const auto& last = world_.trace.last();
    return {violation_, world_.time.happened(), world_.time.now() - began, {last.begin(), last.end()}};
  }

 private:
  void draw_faults() {
    for (const Fault& fault : faults()) {
      Random random(world_.plan.seed, fault.name);
      if (!random.chance(fault.farms_permille)) continue;
      world_.trace.say("world", "this farm suffers: {}", fault.name);
      suffer(fault, random);
    }
  }

  void suffer(const Fault& fault, Random random) {
    const base::Duration wait = random.between(fault.every / 4, fault.every * 2);
    world_.time.after(wait, [this, &fault, random]() mutable {
      if (world_.calm) return;
      world_.trace.say("world", "{}", fault.name);
      fault.strike(world_, random);
      suffer(fault, random);
    });
  }

  bool all_hold() {
    for (Invariant& invariant : invariants_) {
      const std::string wrong = invariant.look(world_, world_.facts);
      if (wrong.empty()) continue;
      violation_ = fmt::format("{} ({}): {}", invariant.name, invariant.promise, wrong);
      world_.trace.say("world", "BROKEN: {}", violation_);
      return false;
    }
    world_.facts.clear();
    return true;
  }

  World world_;
  std::vector<Invariant> invariants_;
  std::string violation_;
};

}  // namespace

Verdict run_farm(FarmPlan plan, TraceMode mode) {
  return Run(std::move(plan), mode).go();
}

}  // namespace framemill::sim
