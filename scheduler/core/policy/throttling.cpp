#include "scheduler/core/policy/throttling.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace framemill::scheduler {
namespace {

constexpr std::size_t kUsersShown = 4;

}  // namespace

std::map<JobId, std::uint32_t> users_of(const FarmState& farm, const Limit& limit) {
  std::map<JobId, std::uint32_t> users;
  for (const auto& [ref, leases] : limit.holders) {
    const WorkerEntry& worker = farm.workers.get(ref.worker);
    const auto slot = worker.slots.find(ref.slot);
    if (slot == worker.slots.end()) continue;
    std::set<JobId> there;
    for (const AttemptId id : slot->second.leases)
      if (const Lease& lease = farm.leases.get(id); !lease.expired && farm.limits.uses(lease.demand, limit))
        there.insert(lease.record.phase.job);
    for (const JobId job : there) ++users[job];
  }
  return users;
}

std::string use_text(const FarmState& farm, const Limit& limit) {
  const auto by_job = users_of(farm, limit);
  std::vector<std::pair<JobId, std::uint32_t>> users(by_job.begin(), by_job.end());
  std::stable_sort(users.begin(), users.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text = fmt::format("{} of {} in use", limit.holders.size(), limit.count);
  for (std::size_t i = 0; i < users.size() && i < kUsersShown; ++i)
    text += fmt::format("{}job {} ({})", i == 0 ? ": " : ", ", users[i].first.value, users[i].second);
  if (users.size() > kUsersShown) text += fmt::format(" and {} more", users.size() - kUsersShown);
  return text;
}

ClassId class_of_ready(const PhaseEntry& phase) {
  if (phase.tasks.count(TaskState::Ready) == 0) return 0;
  return phase.ready_common() + phase.single > 0 ? phase.common_class : phase.alone_class;
}

std::optional<Throttle> throttle_of(const FarmState& farm, const PhaseEntry& phase) {
  const ClassId ready = class_of_ready(phase);
  return ready == 0 ? std::nullopt : throttle_of(farm, ready, farm.jobs.get(phase.id.job).share);
}

std::optional<Throttle> throttle_of(const FarmState& farm, ClassId demand_class, ShareId share) {
  const Limit* limit =
      farm.limits.any_used_up() ? farm.limits.used_up(demand_class, farm.classes.of(demand_class)) : nullptr;
  if (limit != nullptr)
    return Throttle{Reason::Limit, fmt::format("limit {}: {}", limit->name, use_text(farm, *limit)),
                    fmt::format("wait, or raise it: framemill limits set {} N", limit->name)};
  const ShareId capped = farm.caps.reached(farm.shares, share);
  if (!capped) return std::nullopt;
  const std::string& path = farm.shares.node(capped).path;
  return Throttle{Reason::ShareCap, cap_text(farm, capped),
                  fmt::format("wait, or raise it: framemill shares set {} --slots-max N", path)};
}

std::string cap_text(const FarmState& farm, ShareId capped) {
  const ShareNode& node = farm.shares.node(capped);
  return fmt::format("share {} uses {} slots, and may use {}", node.path, farm.caps.holders(capped).size(),
                     node.slots_max.value_or(0));
}

}  // namespace framemill::scheduler
