#include "scheduler/core/views/share_views.h"

#include <fmt/format.h>

#include <map>

#include "scheduler/core/policy/throttling.h"

namespace framemill::scheduler {
namespace {

bool is_active(const ShareNode& node) {
  return node.waiting > 0 || node.leases > 0;
}

// What the nodes of the tree are entitled to, as things are: the weights of siblings that have work are added up once.
class Entitlements {
 public:
  explicit Entitlements(const ShareTree& shares) : shares_(shares) {}

  double of(const ShareNode& node) {
    double part = 1;
    for (const ShareNode* at = &node; at->parent; at = &shares_.node(at->parent)) part *= part_of_siblings(*at);
    return part;
  }

 private:
  double part_of_siblings(const ShareNode& node) {
    const double active = active_weights(node.parent);
    return node.weight / (is_active(node) ? active : active + node.weight);
  }
  double active_weights(ShareId parent) {
    const auto [entry, added] = active_weights_.try_emplace(parent);
    if (!added) return entry->second;
    for (const auto& [name, id] : shares_.node(parent).children)
      if (const ShareNode& child = shares_.node(id); is_active(child)) entry->second += child.weight;
    return entry->second;
  }

  const ShareTree& shares_;
  std::map<ShareId, double> active_weights_;
};

double used_part(const ShareTree& shares, const ShareNode& node) {
  const double all = shares.root().used();
  return all > 0 ? node.used() / all : 0;
}

// The node of the path where another one goes first, and that one.
struct Behind {
  const ShareNode* node = nullptr;
  const ShareNode* first = nullptr;
};
std::optional<Behind> behind(const ShareTree& shares, const ShareNode& leaf) {
  std::optional<Behind> found;  // the one nearest to the root
  for (const ShareNode* at = &leaf; at->parent; at = &shares.node(at->parent)) {
    const auto& line = shares.node(at->parent).line;
    if (!line.empty() && line.begin()->node != at) found = Behind{at, line.begin()->node};
  }
  return found;
}

std::string percent(double part) {
  return fmt::format("{:.0f} %", part * 100);
}

std::string goes_first(const ShareTree& shares, const Behind& behind, Entitlements& entitled) {
  const ShareNode& first = *behind.first;
  if (first.slots < first.guarantee)
    return fmt::format("{} goes first: it has {} of {} guaranteed slots", first.path, first.slots, first.guarantee);
  return fmt::format("{} goes first: it has used {} and is entitled to {}", first.path,
                     percent(used_part(shares, first)), percent(entitled.of(first)));
}

std::string why(const FarmState& farm, const ShareNode& node, Entitlements& entitled) {
  const ShareTree& shares = farm.shares;
  if (!is_active(node)) return "";
  if (node.waiting == 0) return "all its work runs";
  if (const ShareId capped = farm.caps.reached(shares, node.id)) return cap_text(farm, capped);
  if (node.slots < node.guarantee)
    return fmt::format("next: it has {} of {} guaranteed slots", node.slots, node.guarantee);
  const auto other = behind(shares, node);
  return other ? goes_first(shares, *other, entitled) : "next";
}

void add_below(const FarmState& farm, const ShareNode& node, double scale, Entitlements& entitled,
               std::vector<ShareView>& views) {
  const ShareTree& shares = farm.shares;
  for (const auto& [name, id] : node.children) {
    const ShareNode& child = shares.node(id);
    ShareView view;
    view.path = child.path;
    view.is_user = child.is_leaf();
    view.weight = child.weight;
    view.guarantee = child.guarantee;
    view.slots_max = child.slots_max.value_or(0);
    view.entitled = entitled.of(child);
    view.used = used_part(shares, child);
    view.used_s = child.used() / scale / 1e6;
    view.slots = child.slots;
    view.tasks_ready = child.waiting;
    view.why = why(farm, child, entitled);
    if (const auto set = shares.rule_records().find(child.path); set != shares.rule_records().end())
      view.last_change = set->second.last_change;
    views.push_back(std::move(view));
    add_below(farm, child, scale, entitled, views);
  }
}

}  // namespace

std::vector<ShareView> share_views(const FarmState& farm) {
  std::vector<ShareView> views;
  Entitlements entitled(farm.shares);
  add_below(farm, farm.shares.root(), farm.shares.scale(farm.now()), entitled, views);
  return views;
}

std::optional<SlotReason> share_reason(const FarmState& farm, const JobEntry& job) {
  const ShareTree& shares = farm.shares;
  const auto other = behind(shares, shares.node(job.share));
  if (!other) return std::nullopt;
  Entitlements entitled(shares);
  return SlotReason{Reason::Share,
                    0,
                    {},
                    fmt::format("{} has used {} of the farm and is entitled to {}; {}", other->node->path,
                                percent(used_part(shares, *other->node)), percent(entitled.of(*other->node)),
                                goes_first(shares, *other, entitled)),
                    "wait for your turn, or ask for another weight: `framemill shares` shows the tree"};
}

}  // namespace framemill::scheduler
