#include "scheduler/core/views/limit_views.h"

#include <algorithm>

#include "scheduler/core/policy/throttling.h"

namespace framemill::scheduler {

std::vector<LimitView> limit_views(const FarmState& farm) {
  std::vector<LimitView> views;
  for (const auto& [name, limit] : farm.limits.all()) {
    LimitView& view = views.emplace_back();
    view.name = name;
    view.is_model = limit.is_model();
    view.count = limit.count;
    view.configured = limit.configured;
    view.in_use = static_cast<std::uint32_t>(limit.holders.size());
    view.last_change = limit.last_change;
    for (const auto& [id, queue] : farm.ready.classes())
      if (farm.limits.uses(farm.classes.of(id), limit)) view.waiting += queue.tasks;
    const auto users = users_of(farm, limit);
    view.users.assign(users.begin(), users.end());
    std::stable_sort(view.users.begin(), view.users.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (view.users.size() > kLimitUsersShown) view.users.resize(kLimitUsersShown);
  }
  return views;
}

}  // namespace framemill::scheduler
