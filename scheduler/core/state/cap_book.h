// Which slots the capped nodes of the fair shares use: a show that may run in 40 slots at most uses one of them for each
// slot that holds leases of it which have not run out. Where a cap is reached, more of that work goes to the slots that
// the node uses already, so that their batches fill and no gap opens between two leases, and nowhere else.
//
// The caps themselves are rules of the share tree; who uses what is derived from the leases that live. The functions of
// FarmState that attach, end, expire and revive leases keep it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scheduler/core/state/lease_book.h"
#include "scheduler/core/state/share_tree.h"
#include "scheduler/core/state/worker_roster.h"

namespace framemill::scheduler {

class CapBook {
 public:
  using Holders = std::map<SlotRef, std::uint32_t>;  // slots, with how many such leases they hold

  void take(const ShareTree& shares, ShareId leaf, const SlotRef& slot);  // one more lease there
  void give_back(const ShareTree& shares, ShareId leaf, const SlotRef& slot);
  // The rules of a node were changed: what it uses is counted anew. More may be in use than a lowered cap says.
  void recount(const ShareTree& shares, ShareId node, const LeaseBook& leases);

  bool any_reached() const { return !reached_.empty(); }
  // Of the leaf and the nodes above it the first whose cap is reached; none.
  ShareId reached(const ShareTree& shares, ShareId leaf) const;
  // The same, where the slot is not used by that node already.
  ShareId in_the_way(const ShareTree& shares, ShareId leaf, const SlotRef& slot) const;
  // Slots where a leaf with a cap that is reached may still place work, ascending.
  std::vector<SlotRef> open_to(const ShareTree& shares, ShareId leaf) const;
  // The most slots that work of the leaf may have at once; UINT32_MAX: as many as there are.
  static std::uint32_t slots_most(const ShareTree& shares, ShareId leaf);
  const Holders& holders(ShareId node) const;
  std::string first_difference(const ShareTree& shares, const LeaseBook& leases) const;  // for sanity checks

 private:
  static Holders counted(const ShareTree& shares, ShareId node, const LeaseBook& leases);
  void notice(const ShareNode& node);

  std::map<ShareId, Holders> holders_;  // of nodes that have a cap
  std::set<ShareId> reached_;
};

}  // namespace framemill::scheduler
