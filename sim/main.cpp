// framemill-sim: runs simulated farms from seeds and prints those whose invariants broke, each with the seed to repeat it;
// `framemill-sim policy` runs traces through the farm's policy (sim/policy/command.h).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "sim/faults.h"
#include "sim/invariants.h"
#include "sim/policy/command.h"
#include "sim/run.h"

namespace {

using namespace framemill;

std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_range(const std::string& text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos || text.find_first_not_of("0123456789-") != std::string::npos) return std::nullopt;
  const std::pair range{std::strtoull(text.c_str(), nullptr, 10), std::strtoull(text.c_str() + dash + 1, nullptr, 10)};
  if (range.second < range.first) return std::nullopt;
  return range;
}

void list_tables() {
  fmt::print("faults:\n");
  for (const sim::Fault& fault : sim::faults())
    fmt::print("  {:44} {:3} % of farms, about every {} s\n", fault.name, fault.farms_permille / 10,
               fault.every.ms / 1000);
  fmt::print("invariants:\n");
  for (const sim::Invariant& invariant : sim::invariants())
    fmt::print("  {:44} {}\n", invariant.name, invariant.promise);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Simulates whole farms, with faults, from seeds; exits with status 1 if an invariant broke."};
  std::uint64_t seed = 0;
  std::string seeds;
  bool trace = false, list = false;
  app.add_option("--seed", seed, "Run this seed");
  app.add_option("--seeds", seeds, "Run a range of seeds, such as 1-300");
  app.add_flag("--trace", trace, "Print what happens, line by line");
  app.add_flag("--list", list, "Print the tables of faults and invariants");
  const sim::PolicyCommand policy(app);
  CLI11_PARSE(app, argc, argv);
  if (policy.chosen()) return policy.run();
  if (list) {
    list_tables();
    return 0;
  }
  std::pair<std::uint64_t, std::uint64_t> range{seed, seed};
  if (!seeds.empty()) {
    const auto parsed = parse_range(seeds);
    if (!parsed) {
      fmt::print(stderr, "framemill-sim: --seeds takes a range such as 1-300, not \"{}\"\n", seeds);
      return 2;
    }
    range = *parsed;
  }
  base::set_log_level(base::LogLevel::Off);  // of the daemons' loops: the trace says what happens
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t events = 0, broken = 0;
  for (std::uint64_t s = range.first; s <= range.second; ++s) {
    const sim::Verdict verdict = sim::run_farm(sim::draw_farm(s), trace ? sim::TraceMode::Print : sim::TraceMode::Off);
    events += verdict.events;
    if (verdict.violation.empty()) continue;
    ++broken;
    fmt::print("seed {}: after {} events, {} s: {}\n  repeat it with: framemill-sim --seed {} --trace\n", s,
               verdict.events, verdict.virtual_time.ms / 1000, verdict.violation, s);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} seeds, {} broken; {} events in {:.1f} s, {:.0f} a second\n", range.second - range.first + 1, broken,
             events, took.count(), static_cast<double>(events) / took.count());
  return broken == 0 ? 0 : 1;
}
