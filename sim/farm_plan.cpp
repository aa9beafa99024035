#include "sim/farm_plan.h"

#include <fmt/format.h>

#include "sim/people.h"
#include "sim/random.h"

namespace framemill::sim {
namespace {

constexpr base::Duration kFaultsMin = base::seconds(60), kFaultsMax = base::seconds(180);

// Short leases, so that many run out in the minutes that a seed has.
scheduler::FarmSettings draw_settings(Random& random) {
  scheduler::FarmSettings settings;
  settings.lease_ttl = random.between(base::seconds(10), base::seconds(40));
  settings.silence_alarm = random.between(base::seconds(4), base::seconds(15));
  settings.progress_timeout = random.between(base::seconds(60), base::seconds(300));
  settings.probe_first = base::seconds(20);
  settings.probe_most = base::seconds(120);
  settings.worker_probe = base::seconds(30);
  settings.worker_probe_most = base::seconds(240);
  settings.shares.half_life = base::seconds(120);
  settings.shares.rules["s1"] = {2, 1, {}};
  return settings;
}

// From a source of their own, so that all else of a seed is as it would be without them.
void draw_limits(std::uint64_t seed, scheduler::LimitSettings& limits) {
  Random random(seed, "limits");
  limits.tokens["seat"] = static_cast<std::uint32_t>(random.between(1, 3));
  if (random.chance(300)) limits.models["demo@1"] = static_cast<std::uint32_t>(random.between(1, 4));
}

// Of one show, whose jobs every farm with several has: sometimes less than it could use, sometimes more.
void draw_cap(std::uint64_t seed, scheduler::ShareSettings& shares) {
  Random random(seed, "caps");
  if (random.chance(500)) shares.rules["s0"].slots_max = static_cast<std::uint32_t>(random.between(1, 3));
}

HostPlan draw_host(Random& random, std::size_t index, bool reproducible) {
  HostPlan plan;
  plan.name = fmt::format("worker{}", index + 1);
  plan.key = fmt::format("key of {}", plan.name);
  plan.device_class = index > 0 && random.chance(150) ? "class b" : "class a";
  plan.slots = static_cast<std::uint32_t>(random.between(1, 3));
  plan.media = index == 0 || random.chance(700);
  plan.reproducible = reproducible;
  if (index == 0 || random.chance(700)) plan.commands = {"grade"};
  plan.memory_bytes = static_cast<std::uint64_t>(random.between(200, 600)) << 20;
  plan.package = demo_package();
  return plan;
}

}  // namespace

std::vector<std::string> FarmPlan::worker_keys() const {
  std::vector<std::string> keys;
  for (const HostPlan& host : hosts) keys.push_back(host.key);
  return keys;
}

FarmPlan draw_farm(std::uint64_t seed) {
  Random random(seed, "farm");
  FarmPlan plan;
  plan.seed = seed;
  plan.settings = draw_settings(random);
  draw_limits(seed, plan.settings.limits);
  draw_cap(seed, plan.settings.shares);
  plan.reproducible = random.chance(600);
  const std::int64_t hosts = random.between(1, 4);
  for (std::int64_t i = 0; i < hosts; ++i)
    plan.hosts.push_back(draw_host(random, static_cast<std::size_t>(i), plan.reproducible));
  plan.jobs = static_cast<std::uint32_t>(random.between(1, 4));
  plan.with_faults = random.between(kFaultsMin, kFaultsMax);
  return plan;
}

}  // namespace framemill::sim
