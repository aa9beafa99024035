#include "scheduler/core/acts/limits.h"

#include <fmt/format.h>

#include <utility>

#include "base/nearest.h"
#include "scheduler/core/acts/audit.h"
#include "scheduler/core/policy/throttling.h"
#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

constexpr std::uint32_t kCountMax = 1'000'000;

base::Error limit_unknown(const FarmState& farm, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [other, limit] : farm.limits.all()) known.push_back(other);
  std::string hint = base::did_you_mean(base::nearest(name, known));
  if (hint.empty()) hint = "limits are named in scheduler.toml, under [limits.tokens] and [limits.models]";
  return base::error_of(Refusal::LimitUnknown, fmt::format("there is no limit {}", name), "limit", std::move(hint));
}

// The first ready work of the job, where all that is ready waits for a limit.
std::optional<Throttle> throttle_of_all(const FarmState& farm, const JobEntry& job) {
  std::optional<Throttle> first;
  for (const PhaseEntry& phase : job.phases) {
    if (phase.tasks.count(TaskState::Ready) == 0) continue;
    auto throttle = throttle_of(farm, phase);
    if (!throttle) return std::nullopt;
    if (!first) first = std::move(throttle);
  }
  return first;
}

}  // namespace

base::Result<Changed> change_limit(FarmState& farm, const LimitChangeRequested& asked) {
  const Limit* limit = farm.limits.find(asked.name);
  if (limit == nullptr) return limit_unknown(farm, asked.name);
  if (asked.count > kCountMax)
    return base::error_of(Refusal::SpecOutOfRange, fmt::format("a count is at most {}", kCountMax), "count");
  const std::string what = fmt::format("{}: {} instead of {}", asked.name, asked.count, limit->count);
  LimitRecord record{asked.name, asked.count, limit->configured, asked.cause};
  farm.limits.set(record);
  farm.turn.put(std::move(record));
  farm.match_wanted = true;
  farm.views.limits_changed = true;
  farm.turn.say(
      LimitEvent{LimitEvent::What::Changed, asked.cause.reason.empty() ? what : what + ": " + asked.cause.reason});
  audit(farm, asked.cause, "set_limit", "limit " + what);
  return Changed{};
}

void tell_throttled(FarmState& farm) {
  for (const JobId id : std::exchange(farm.turn.unserved, {})) {
    const JobEntry& job = farm.jobs.get(id);
    if (!job.unserved_since) continue;
    if (const auto throttle = throttle_of_all(farm, job))
      farm.turn.say(JobEvent{JobEvent::What::Throttled, id, throttle->because, {}});
  }
}

}  // namespace framemill::scheduler
