// Whole farms under faults, and what the simulator itself must do so that its word counts.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "base/log.h"
#include "sim/faults.h"
#include "sim/random.h"
#include "sim/run.h"

namespace framemill::sim {
namespace {

Verdict run(std::uint64_t seed) {
  base::set_log_level(base::LogLevel::Off);  // the trace says what happens
  return run_farm(draw_farm(seed), TraceMode::Keep);
}

// As many seeds as the build has time for, from `first` on. To repeat one: framemill-sim --seed N --trace.
void check_farms(std::uint64_t first) {
  for (std::uint64_t seed = first; seed < first + FRAMEMILL_SIM_SEEDS; ++seed) {
    const Verdict verdict = run(seed);
    if (verdict.violation.empty()) continue;
    std::string last;
    for (const std::string& line : verdict.last_lines) last += line + "\n";
    FAIL(last << "seed " << seed << ": " << verdict.violation);
  }
  SUCCEED();
}

TEST_CASE("whatever fails, the farms of seeds 1 to 100 keep every promise") {
  check_farms(1);
}
TEST_CASE("whatever fails, the farms of seeds 101 to 200 keep every promise") {
  check_farms(101);
}
TEST_CASE("whatever fails, the farms of seeds 201 to 300 keep every promise") {
  check_farms(201);
}

TEST_CASE("equal seeds give equal runs, line by line") {
  const Verdict first = run(7), again = run(7);
  CHECK(first.events == again.events);
  CHECK(first.last_lines == again.last_lines);
  CHECK(first.last_lines != run(8).last_lines);
}

TEST_CASE("every fault of the table strikes some of the farms") {
  for (const Fault& fault : faults()) {
    CAPTURE(fault.name);
    bool suffered = false;
    for (std::uint64_t seed = 1; seed <= 60 && !suffered; ++seed)
      suffered = Random(seed, fault.name).chance(fault.farms_permille);
    CHECK(suffered);
    CHECK(std::count_if(faults().begin(), faults().end(), [&](const Fault& f) { return f.name == fault.name; }) == 1);
  }
}

}  // namespace
}  // namespace framemill::sim
