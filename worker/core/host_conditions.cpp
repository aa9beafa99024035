#include "worker/core/host_conditions.h"

#include <algorithm>

#include "base/os_error.h"

namespace framemill::worker {

bool HostConditions::is_condition(std::string_view code) {
  return base::is_host_code(code) || base::is_storage_code(code);
}

bool HostConditions::met(const std::string& code, const std::string& text, const std::string& root, base::Instant now) {
  const std::string where = base::is_storage_code(code) ? root : "";
  const auto [it, is_new] = by_root_.try_emplace(where);
  HostCondition& condition = it->second;
  if (!is_new && now < condition.until) return false;  // of the work that was begun before
  condition.pause = is_new ? kPauseFirst : std::min(condition.pause * 2, kPauseMax);
  if (is_new) condition.since = now;
  condition.code = code;
  condition.text = text;
  condition.root = where;
  condition.until = now + condition.pause;
  return true;
}

bool HostConditions::works(const std::string& root) {
  const std::size_t ended = by_root_.erase("") + (root.empty() ? 0 : by_root_.erase(root));
  return ended > 0;
}

const HostCondition* HostConditions::blocking(const std::string& root, base::Instant now) const {
  for (const std::string& where : {std::string(), root}) {
    const auto found = by_root_.find(where);
    if (found != by_root_.end() && now < found->second.until) return &found->second;
  }
  return nullptr;
}

base::Instant HostConditions::next_change(base::Instant now) const {
  base::Instant soonest = base::kNever;
  for (const auto& [root, condition] : by_root_)
    soonest = std::min(soonest, now < condition.until ? condition.until : condition.until + kForgetAfter);
  return soonest;
}

void HostConditions::forget_old(base::Instant now) {
  std::erase_if(by_root_, [&](const auto& entry) { return entry.second.until + kForgetAfter <= now; });
}

std::vector<HostCondition> HostConditions::list() const {
  std::vector<HostCondition> all;
  for (const auto& [root, condition] : by_root_) all.push_back(condition);
  return all;
}

}  // namespace framemill::worker
