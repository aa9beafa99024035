#include "scheduler/core/state/limit_book.h"

#include <algorithm>

#include "base/check.h"

namespace framemill::scheduler {

void LimitBook::configure(const LimitSettings& settings) {
  FM_CHECK(limits_.empty(), "limits are configured once");
  for (const auto* counts : {&settings.tokens, &settings.models})
    for (const auto& [name, count] : *counts) {
      Limit& limit = limits_[name];
      limit.name = name;
      limit.count = limit.configured = count;
      used_up_ += limit.is_used_up() ? 1u : 0u;
    }
  of_programs_ = settings.programs;
}

const Limit* LimitBook::find(const std::string& name) const {
  const auto limit = limits_.find(name);
  return limit == limits_.end() ? nullptr : &limit->second;
}

std::vector<std::string> LimitBook::names() const {
  std::vector<std::string> names;
  for (const auto& [name, limit] : limits_)
    if (!limit.is_model()) names.push_back(name);
  return names;
}

void LimitBook::set(const LimitRecord& record) {
  const auto entry = limits_.find(record.name);
  if (entry == limits_.end() || entry->second.configured != record.configured) return;
  Limit& limit = entry->second;
  used_up_ -= limit.is_used_up() ? 1u : 0u;
  limit.count = record.count;
  limit.last_change = record.cause;
  used_up_ += limit.is_used_up() ? 1u : 0u;
}

std::vector<LimitRecord> LimitBook::records() const {
  std::vector<LimitRecord> records;
  for (const auto& [name, limit] : limits_)
    if (!limit.last_change.principal.empty())
      records.push_back({name, limit.count, limit.configured, limit.last_change});
  return records;
}

void LimitBook::take(const Demand& demand, const SlotRef& slot) {
  for (const Limit* known : of(demand)) {
    Limit& limit = limits_.at(known->name);
    used_up_ -= limit.is_used_up() ? 1u : 0u;
    ++limit.holders[slot];
    used_up_ += limit.is_used_up() ? 1u : 0u;
  }
}

void LimitBook::give_back(const Demand& demand, const SlotRef& slot) {
  for (const Limit* known : of(demand)) {
    Limit& limit = limits_.at(known->name);
    const auto holder = limit.holders.find(slot);
    FM_CHECK(holder != limit.holders.end(), "what a slot does not use is given back");
    used_up_ -= limit.is_used_up() ? 1u : 0u;
    if (--holder->second == 0) limit.holders.erase(holder);
    used_up_ += limit.is_used_up() ? 1u : 0u;
  }
}

const Limit* LimitBook::in_the_way(const Demand& demand, const SlotRef& slot) const {
  if (used_up_ == 0) return nullptr;
  for (const Limit* limit : of(demand))
    if (limit->is_used_up() && !limit->holders.contains(slot)) return limit;
  return nullptr;
}

const Limit* LimitBook::used_up(ClassId id, const Demand& demand) const {
  if (used_up_ == 0) return nullptr;
  for (const Limit* limit : of(id, demand))
    if (limit->is_used_up()) return limit;
  return nullptr;
}

std::vector<SlotRef> LimitBook::open_to(const Demand& demand) const {
  std::vector<SlotRef> open;
  const std::vector<const Limit*> limits = of(demand);
  const auto used_up = std::find_if(limits.begin(), limits.end(), [](const Limit* l) { return l->is_used_up(); });
  if (used_up == limits.end() || demand.exclusive) return open;  // a slot that is in use has no place for it
  for (const auto& [slot, leases] : (*used_up)->holders)
    if (in_the_way(demand, slot) == nullptr) open.push_back(slot);
  return open;
}

std::uint32_t LimitBook::slots_most(ClassId id, const Demand& demand) const {
  std::uint32_t most = UINT32_MAX;
  if (!any()) return most;
  for (const Limit* limit : of(id, demand)) most = std::min(most, limit->count);
  return most;
}

bool LimitBook::uses(const Demand& demand, const Limit& limit) const {
  const auto limits = of(demand);
  return std::find(limits.begin(), limits.end(), &limit) != limits.end();
}

std::vector<const Limit*> LimitBook::of(const Demand& demand) const {
  std::vector<const Limit*> found;
  if (!any()) return found;
  // What is no longer configured limits nothing.
  const auto add = [&](const std::string& name) {
    if (const Limit* limit = find(name); limit && std::find(found.begin(), found.end(), limit) == found.end())
      found.push_back(limit);
  };
  for (const std::string& name : demand.limits) add(name);
  if (const auto of_program = of_programs_.find(demand.program); of_program != of_programs_.end())
    for (const std::string& name : of_program->second) add(name);
  if (!demand.model.empty()) add(demand.model);
  return found;
}

const std::vector<const Limit*>& LimitBook::of(ClassId id, const Demand& demand) const {
  const auto known = of_class_.find(id);
  return known != of_class_.end() ? known->second : of_class_.emplace(id, of(demand)).first->second;
}

}  // namespace framemill::scheduler
