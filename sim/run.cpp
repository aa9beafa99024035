#include "sim/run.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "base/check_handler.h"
#include "sim/faults.h"
#include "sim/invariants.h"
#include "sim/world.h"

namespace framemill::sim {
namespace {

class ChecksThrow {
 public:
  ChecksThrow() : before_(base::set_check_handler([](const std::string& text) { throw std::logic_error(text); })) {}
  ~ChecksThrow() { base::set_check_handler(before_); }
  ChecksThrow(const ChecksThrow&) = delete;
  ChecksThrow& operator=(const ChecksThrow&) = delete;

 private:
  base::CheckHandler before_;
};

class Run {
 public:
  Run(FarmPlan plan, TraceMode mode) : world_(std::move(plan), mode), invariants_(invariants()) {}

  Verdict go() {
    const base::Instant began = world_.time.now();
    world_.begin();
    draw_faults();
    world_.time.after(world_.plan.with_faults, [this] { world_.calm_down(); });
    while (!world_.resting && !world_.time.empty())
      if (!step() || !all_hold()) break;
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

  // What would stop a daemon ends the run, with its seed: a broken invariant of the product's own, or an exception.
  bool step() {
    try {
      world_.time.step();
      return true;
    } catch (const std::exception& stopped) {
      break_off(fmt::format("the product goes on (P8): {}", stopped.what()));
      return false;
    }
  }

  void break_off(std::string violation) {
    violation_ = std::move(violation);
    world_.trace.say("world", "BROKEN: {}", violation_);
  }

  bool all_hold() {
    for (Invariant& invariant : invariants_) {
      const std::string wrong = invariant.look(world_, world_.facts);
      if (wrong.empty()) continue;
      break_off(fmt::format("{} ({}): {}", invariant.name, invariant.promise, wrong));
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
  const ChecksThrow checks_throw;
  return Run(std::move(plan), mode).go();
}

}  // namespace framemill::sim
