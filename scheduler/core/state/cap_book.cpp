#include "scheduler/core/state/cap_book.h"

#include <algorithm>

#include "base/check.h"

namespace framemill::scheduler {
namespace {

bool is_at_or_above(const ShareTree& shares, ShareId node, ShareId leaf) {
  for (ShareId id = leaf; id; id = shares.node(id).parent)
    if (id == node) return true;
  return false;
}

}  // namespace

void CapBook::notice(const ShareNode& node) {
  const auto held = holders_.find(node.id);
  if (node.slots_max && held != holders_.end() && held->second.size() >= *node.slots_max)
    reached_.insert(node.id);
  else
    reached_.erase(node.id);
}

void CapBook::take(const ShareTree& shares, ShareId leaf, const SlotRef& slot) {
  for (ShareId id = leaf; id; id = shares.node(id).parent) {
    const ShareNode& node = shares.node(id);
    if (!node.slots_max) continue;
    ++holders_[id][slot];
    notice(node);
  }
}

void CapBook::give_back(const ShareTree& shares, ShareId leaf, const SlotRef& slot) {
  for (ShareId id = leaf; id; id = shares.node(id).parent) {
    const ShareNode& node = shares.node(id);
    if (!node.slots_max) continue;
    Holders& holders = holders_[id];
    const auto held = holders.find(slot);
    FM_CHECK(held != holders.end(), "a slot that a capped share did not use");
    if (--held->second == 0) holders.erase(held);
    notice(node);
  }
}

CapBook::Holders CapBook::counted(const ShareTree& shares, ShareId node, const LeaseBook& leases) {
  Holders holders;
  for (const auto& [id, lease] : leases.live())
    if (!lease.expired && is_at_or_above(shares, node, lease.share))
      ++holders[{lease.record.worker, lease.record.slot}];
  return holders;
}

void CapBook::recount(const ShareTree& shares, ShareId node, const LeaseBook& leases) {
  if (shares.node(node).slots_max)
    holders_.insert_or_assign(node, counted(shares, node, leases));
  else
    holders_.erase(node);
  notice(shares.node(node));
}

ShareId CapBook::reached(const ShareTree& shares, ShareId leaf) const {
  if (reached_.empty()) return {};
  for (ShareId id = leaf; id; id = shares.node(id).parent)
    if (reached_.contains(id)) return id;
  return {};
}

ShareId CapBook::in_the_way(const ShareTree& shares, ShareId leaf, const SlotRef& slot) const {
  if (reached_.empty()) return {};
  for (ShareId id = leaf; id; id = shares.node(id).parent)
    if (reached_.contains(id) && !holders(id).contains(slot)) return id;
  return {};
}

std::vector<SlotRef> CapBook::open_to(const ShareTree& shares, ShareId leaf) const {
  std::vector<SlotRef> open;
  const ShareId node = reached(shares, leaf);
  if (!node) return open;
  for (const auto& [slot, leases] : holders(node))
    if (!in_the_way(shares, leaf, slot)) open.push_back(slot);
  return open;
}

std::uint32_t CapBook::slots_most(const ShareTree& shares, ShareId leaf) {
  std::uint32_t most = UINT32_MAX;
  for (ShareId id = leaf; id; id = shares.node(id).parent)
    if (const auto cap = shares.node(id).slots_max) most = std::min(most, *cap);
  return most;
}

const CapBook::Holders& CapBook::holders(ShareId node) const {
  static const Holders nobody;
  const auto held = holders_.find(node);
  return held == holders_.end() ? nobody : held->second;
}

std::string CapBook::first_difference(const ShareTree& shares, const LeaseBook& leases) const {
  for (const ShareNode& node : shares.all()) {
    if (!node.slots_max && holders_.contains(node.id)) return "slots of share " + node.path + ", which has no cap";
    if (!node.slots_max) continue;
    const Holders counted_now = counted(shares, node.id, leases);
    if (counted_now != holders(node.id)) return "share " + node.path + " uses other slots than have leases of it";
    if (reached_.contains(node.id) != (counted_now.size() >= *node.slots_max))
      return "the cap of share " + node.path + " is reached, or not, other than its slots say";
  }
  return {};
}

}  // namespace framemill::scheduler
