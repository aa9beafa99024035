#include "sim/policy/command.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>

#include "sim/policy/comparators.h"
#include "sim/policy/made_up.h"
#include "sim/policy/replay.h"

namespace framemill::sim {
namespace {

constexpr std::streamoff kTraceBytesMax = 1ll << 30;

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

base::Result<std::string> text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return base::Error{"trace.unreadable", "cannot read " + path, {}, "check the path and its permissions"};
  if (file.tellg() > kTraceBytesMax)
    return base::Error{"trace.too_large", path + " is larger than 1 GiB", {}, "cut the trace into several"};
  file.seekg(0);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

int fail(const base::Error& error) {
  fmt::print(stderr, "framemill-sim: {} ({})\n", error.message, error.code);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
  return 2;
}

void list_choices() {
  fmt::print("farms:\n");
  for (const NamedFarm& farm : named_farms()) fmt::print("  {:14} {}\n", farm.name, farm.what);
  fmt::print("policies:\n  {:14} the product's own core\n", "framemill");
  for (const Comparator& comparator : comparators()) fmt::print("  {}\n", comparator.name);
}

}  // namespace

PolicyCommand::PolicyCommand(CLI::App& program)
    : app_(program.add_subcommand("policy",
                                  "Runs a trace of workers and jobs through the farm's policy under virtual time")) {
  app_->add_option("TRACE", file_, "File of JSON lines (docs/simulator.md)");
  random_option_ = app_->add_option("--random", random_, "Instead of a file: a farm drawn from this seed");
  app_->add_option("--farm", farm_, "Instead of a file: one of the farms of --list");
  app_->add_option("--scale", scale_, "Of --farm: that many times its workers and jobs")
      ->check(CLI::Range(0.001, 10.0))
      ->capture_default_str();
  app_->add_option("--policy", policy_, "framemill, all, or another one of --list")->capture_default_str();
  app_->add_option("--seed", seed_, "From which the tasks' noise is drawn")->capture_default_str();
  app_->add_flag("--json", json_, "One JSON object a line");
  app_->add_flag("--write-trace", write_, "Print the trace instead of running it");
  app_->add_flag("--list", list_, "Print the farms and policies");
}

int PolicyCommand::run() const {
  if (list_) return list_choices(), 0;
  const int sources = (file_.empty() ? 0 : 1) + (farm_.empty() ? 0 : 1) + (random_option_->count() > 0 ? 1 : 0);
  if (sources != 1)
    return fail(
        {"usage.trace", "give one of a trace file, --random SEED and --farm NAME", {}, "--list names the farms"});
  if (policy_ != "framemill" && policy_ != "all" && find_comparator(policy_) == nullptr)
    return fail({"usage.policy", "there is no policy called " + policy_, {}, "--list names the policies"});
  FarmTrace trace;
  if (!file_.empty()) {
    const base::Result<std::string> text = text_of_file(file_);
    if (!text.ok()) return fail(text.error());
    base::Result<FarmTrace> parsed = parse_trace(*text);
    if (!parsed.ok()) return fail(parsed.error().wrapped(file_));
    trace = std::move(parsed).value();
  } else if (!farm_.empty()) {
    const NamedFarm* farm = find_named_farm(farm_);
    if (farm == nullptr) return fail({"usage.farm", "there is no farm called " + farm_, {}, "--list names the farms"});
    trace = farm->make(scale_);
  } else {
    trace = random_trace(random_);
  }
  if (write_) return fmt::print("{}", trace_text(trace)), 0;

  const LowerBound bound = lower_bound(trace, seed_);
  const auto tell = [&](const std::function<base::Result<PolicyOutcome>()>& run_one) {
    const double began = processor_seconds();
    const base::Result<PolicyOutcome> outcome = run_one();
    if (!outcome.ok()) return fail(outcome.error());
    const RunCost cost{processor_seconds() - began, peak_memory_bytes()};
    fmt::print("{}", json_ ? outcome_json(*outcome, bound, cost) + "\n" : outcome_text(*outcome, bound, cost));
    return 0;
  };
  if (policy_ == "framemill" || policy_ == "all")
    if (const int status = tell([&] { return replay(trace, seed_); }); status != 0) return status;
  for (const Comparator& comparator : comparators())
    if (policy_ == "all" || policy_ == comparator.name)
      tell([&]() -> base::Result<PolicyOutcome> { return run_comparator(trace, seed_, comparator); });
  return 0;
}

}  // namespace framemill::sim
