// The fair shares of the farm: a tree of groups, shows and users. Work is charged to the user's leaf and to all nodes
// above it, in device time weighted by the device; what was used counts half after a half-life. Whose turn it is follows
// from it at each level: first who has fewer slots than guaranteed, then who has used least for its weight.
//
// What is used is kept multiplied by 2^(time / half-life), so that all of it decays without being touched: the order of
// two nodes changes only when one of them is charged. A charge moves the nodes of one path, each in its own level.
//
// Derived, but for what was used; the acts in acts/attempts.h and acts/share_records.h keep it.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "scheduler/core/state/records.h"
#include "scheduler/core/state/share_rules.h"

namespace framemill::scheduler {

struct ShareNode;

// A child's place in its parent's line.
struct ShareTurn {
  bool is_served = true;  // it has the slots that it is guaranteed
  double used = 0;        // for its weight, scaled
  const ShareNode* node = nullptr;
  std::weak_ordering operator<=>(const ShareTurn& other) const;  // equal ones by name
};

// The nodes of which a slot holds leases, with how many.
using SharesInSlot = std::vector<std::pair<ShareId, std::uint32_t>>;

struct ShareNode {
  ShareId id, parent;
  std::string name, path;  // "ana", "features/atlas/ana"; the root: empty
  std::string show, user;  // of a leaf
  std::uint32_t level = 0;
  double weight = 1;
  std::uint32_t guarantee = 0;
  std::optional<std::uint32_t> slots_max;  // its cap, 1 at least (cap_book.h)
  double settled = 0, pending = 0;         // weighted microseconds, scaled: of ended attempts; estimated, of live ones
  std::uint64_t waiting = 0;               // ready tasks
  std::uint32_t slots = 0;                 // that hold work of it
  std::uint32_t leases = 0;
  std::map<std::string, ShareId> children;
  std::set<ShareTurn> line;  // of the children that have ready tasks
  ShareTurn turn;            // its own, in the parent's line while it has ready tasks
  bool in_line = false;
  ShareUsageRecord kept;  // of a leaf: as last written

  bool is_leaf() const { return !user.empty(); }
  double used() const { return settled + pending > 0 ? settled + pending : 0; }
  // It has work and nothing runs of it, or fewer slots than it is guaranteed.
  bool is_short() const { return waiting > 0 && (slots == 0 || slots < guarantee); }
};

class ShareTree {
 public:
  ShareTree();
  ShareTree(const ShareTree&) = delete;  // nodes point at each other
  ShareTree& operator=(const ShareTree&) = delete;
  // Before any leaf is there.
  void configure(ShareSettings settings);
  const ShareSettings& settings() const { return settings_; }

  // The leaf of a user's work on a show; it is made when somebody asks for it first.
  ShareId leaf_of(const std::string& show, const std::string& user);
  const ShareNode& node(ShareId id) const { return nodes_[id.value - 1]; }
  const ShareNode& root() const { return nodes_.front(); }
  const std::deque<ShareNode>& all() const { return nodes_; }  // a parent before its children
  ShareId find(const std::string& path) const;                 // none: there is no such node
  // What holds for the node now: run-time values go before those of the file.
  void put(const ShareRulesRecord& record);
  const std::map<std::string, ShareRulesRecord>& rule_records() const { return rule_records_; }

  // Whose work comes first. `visit` is asked leaf by leaf in their order, and ends the walk with true. What lies below a
  // node for which `is_over` holds is left out.
  using Visit = std::function<bool(ShareId leaf)>;
  using IsOver = std::function<bool(ShareId node)>;
  bool each_in_turn(const Visit& visit, const IsOver& is_over) const;
  bool goes_before(ShareId a, ShareId b) const;  // of two leaves
  // Leaf `taker` may have what `victim` was granted and has not begun: where their paths part it is short of slots, and
  // the other one has more than its guarantee and, without `tail` (scaled), has used more by more than `lead` (scaled).
  bool may_take(ShareId taker, ShareId victim, double tail, double lead) const;
  bool any_short() const { return !short_.empty(); }
  bool is_short(ShareId leaf) const;  // it or a node above it
  // Leaves at work, those that have used most for their weight first.
  std::vector<ShareId> most_ahead() const;

  void set_waiting(ShareId leaf, std::uint64_t tasks);
  void enter(ShareId leaf, SharesInSlot& slot);  // a lease in that slot
  void leave(ShareId leaf, SharesInSlot& slot);
  // `scaled`: see scale().
  void charge(ShareId leaf, double scaled);                    // estimated
  void settle(ShareId leaf, double scaled, double estimated);  // in place of what was estimated
  // What a microsecond counts at that moment.
  double scale(base::Instant now) const;
  // What all scaled values, those that others keep as well, are divided by from now on; 1: nothing has changed.
  double rescale(base::Instant now);

  // Leaves whose records are behind by the settled part.
  std::set<ShareId>& unwritten() { return unwritten_; }
  ShareUsageRecord usage_record(ShareId leaf, base::Now now) const;
  void keep(ShareId leaf, ShareUsageRecord record) { nodes_[leaf.value - 1].kept = std::move(record); }
  void restore(const ShareUsageRecord& record, base::Now now);

 private:
  ShareNode& at(ShareId id) { return nodes_[id.value - 1]; }
  ShareId child_of(ShareId parent, const std::string& name);
  ShareId group_of(ShareId parent, const std::string& name);
  ShareId made(const std::string& path);
  void apply_rules(ShareNode& node);
  void place(ShareNode& node);  // in its parent's line, where it belongs now
  // The children of the node where the paths of two leaves part, one on each side.
  std::pair<const ShareNode*, const ShareNode*> parting(ShareId a, ShareId b) const;
  bool walk(const ShareNode& node, const Visit& visit, const IsOver& is_over) const;

  ShareSettings settings_;
  std::deque<ShareNode> nodes_;
  std::map<std::pair<std::string, std::string>, ShareId> leaves_;
  std::map<std::string, ShareRulesRecord> rule_records_;
  std::set<ShareId> short_, unwritten_;
  mutable base::Instant scaled_at_{INT64_MIN};
  mutable double scale_ = 1;
  mutable base::Instant origin_{INT64_MIN};
};

}  // namespace framemill::scheduler
