#include "worker/core/host_conditions.h"

#include <algorithm>

#include "base/os_error.h"

namespace framemill::worker {

bool HostConditions::is_condition(std::string_view code) {
  return base::is_host_code(code) || base::is_storage_code(code);
}

bool HostConditions::met(const std::string& code, const std::string& text, const std::string& root, base::Instant now,
                         Doing doing) {
  const bool storage = base::is_storage_code(code);
  const Key where{storage ? root : "", storage ? doing : Doing::Work};
  const auto [it, is_new] = found_.try_emplace(where);
  HostCondition& condition = it->second;
  if (!is_new && now < condition.until) return false;  // of the work that was begun before
  condition.pause = is_new ? kPauseFirst : std::min(condition.pause * 2, kPauseMax);
  if (is_new) condition.since = now;
  condition.code = code;
  condition.text = text;
  condition.root = where.first;
  condition.doing = where.second;
  condition.until = now + condition.pause;
  return true;
}

bool HostConditions::works(const std::string& root) {
  std::size_t ended = found_.erase({"", Doing::Work});
  if (!root.empty()) ended += found_.erase({root, Doing::Work}) + found_.erase({root, Doing::Reading});
  return ended > 0;
}

bool HostConditions::naming_failed(const std::string& code, const std::string& text, const std::string& root,
                                   base::Instant now) {
  if (!base::is_storage_code(code)) return false;
  std::uint32_t& failures = naming_failures_[root];
  failures = std::min(failures + 1, kNamingFailuresMax);
  return failures >= kNamingFailuresMax && met(code, text, root, now, Doing::Naming);
}

bool HostConditions::naming_works(const std::string& root) {
  naming_failures_.erase(root);
  return found_.erase({root, Doing::Naming}) > 0;
}

const HostCondition* HostConditions::blocking(const std::string& root, base::Instant now) const {
  for (const Key& where : {Key{"", Doing::Work}, Key{root, Doing::Work}, Key{root, Doing::Naming}}) {
    const auto found = found_.find(where);
    if (found != found_.end() && now < found->second.until) return &found->second;
  }
  return nullptr;
}

base::Instant HostConditions::next_change(base::Instant now) const {
  base::Instant soonest = base::kNever;
  for (const auto& [where, condition] : found_)
    soonest = std::min(soonest, now < condition.until ? condition.until : condition.until + kForgetAfter);
  return soonest;
}

void HostConditions::forget_old(base::Instant now) {
  std::erase_if(found_, [&](const auto& entry) { return entry.second.until + kForgetAfter <= now; });
}

std::vector<HostCondition> HostConditions::list() const {
  std::vector<HostCondition> all;
  for (const auto& [where, condition] : found_) all.push_back(condition);
  return all;
}

}  // namespace framemill::worker
