#include "scheduler/core/state/share_tree.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace framemill::scheduler {
namespace {

constexpr char kNobody[] = "nobody";  // work without a principal
constexpr double kScaleMost = 1e100;

ShareTurn turn_of(const ShareNode& node) {
  return {node.slots >= node.guarantee, node.used() / node.weight, &node};
}

std::uint64_t whole_us(double us) {
  return us < 1 ? 0 : static_cast<std::uint64_t>(us);
}

}  // namespace

std::weak_ordering ShareTurn::operator<=>(const ShareTurn& other) const {
  if (is_served != other.is_served) return is_served ? std::weak_ordering::greater : std::weak_ordering::less;
  if (used != other.used) return used < other.used ? std::weak_ordering::less : std::weak_ordering::greater;
  return node->name <=> other.node->name;
}

ShareTree::ShareTree() {
  nodes_.emplace_back().id = ShareId(1);
}

void ShareTree::configure(ShareSettings settings) {
  FM_CHECK(leaves_.empty(), "shares are configured before anybody has one");
  settings_ = std::move(settings);
  for (const auto& [path, rules] : settings_.rules) made(path);
  for (const auto& [show, group] : settings_.group_of) made(group + "/" + show);
}

ShareId ShareTree::child_of(ShareId parent, const std::string& name) {
  if (const auto known = at(parent).children.find(name); known != at(parent).children.end()) return known->second;
  const ShareId id(static_cast<std::uint32_t>(nodes_.size()) + 1);
  ShareNode& node = nodes_.emplace_back();
  const ShareNode& above = at(parent);
  node.id = id;
  node.parent = parent;
  node.name = name;
  node.path = above.path.empty() ? name : above.path + "/" + name;
  node.level = above.level + 1;
  at(parent).children.emplace(name, id);
  apply_rules(node);
  return id;
}

// A user may be named like a show of a group that is named like another show.
ShareId ShareTree::group_of(ShareId parent, const std::string& name) {
  const ShareId id = child_of(parent, name);
  return node(id).is_leaf() ? child_of(parent, name + " (show)") : id;
}

ShareId ShareTree::made(const std::string& path) {
  ShareId id = root().id;
  for (std::size_t from = 0; from < path.size();) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    if (end > from) id = group_of(id, path.substr(from, end - from));
    from = end + 1;
  }
  return id;
}

ShareId ShareTree::find(const std::string& path) const {
  for (const ShareNode& node : nodes_)
    if (node.path == path && !path.empty()) return node.id;
  return {};
}

ShareId ShareTree::leaf_of(const std::string& show, const std::string& given) {
  const std::string& user = given.empty() ? kNobody : given;
  const auto [entry, added] = leaves_.try_emplace({show, user});
  if (!added) return entry->second;
  const auto group = settings_.group_of.find(show);
  const ShareId above = group == settings_.group_of.end() ? root().id : made(group->second);
  const ShareId of_show = group_of(above, show);
  ShareId leaf = child_of(of_show, user);
  if (!node(leaf).children.empty()) leaf = child_of(of_show, user + " (user)");
  entry->second = leaf;
  at(leaf).show = show;
  at(leaf).user = user;
  at(leaf).kept.show = show;
  at(leaf).kept.user = user;
  return leaf;
}

void ShareTree::apply_rules(ShareNode& node) {
  ShareRules rules;
  if (const auto file = settings_.rules.find(node.path); file != settings_.rules.end()) rules = file->second;
  if (const auto set = rule_records_.find(node.path); set != rule_records_.end()) {
    if (set->second.rules.weight) rules.weight = set->second.rules.weight;
    if (set->second.rules.guarantee) rules.guarantee = set->second.rules.guarantee;
    if (set->second.rules.slots_max) rules.slots_max = set->second.rules.slots_max;
  }
  node.weight = rules.weight.value_or(1);
  node.guarantee = rules.guarantee.value_or(0);
  node.slots_max = rules.slots_max.value_or(0) == 0 ? std::nullopt : rules.slots_max;
  place(node);
}

void ShareTree::put(const ShareRulesRecord& record) {
  rule_records_.insert_or_assign(record.path, record);
  apply_rules(at(made(record.path)));
}

void ShareTree::place(ShareNode& node) {
  if (!node.parent) return;
  const bool waits = node.waiting > 0;
  if (node.is_short())
    short_.insert(node.id);
  else
    short_.erase(node.id);
  const ShareTurn turn = turn_of(node);
  if (waits == node.in_line && (!waits || (turn <=> node.turn) == 0)) return;
  auto& line = at(node.parent).line;
  if (node.in_line && waits) {
    auto moved = line.extract(node.turn);
    moved.value() = turn;
    line.insert(std::move(moved));
  } else if (node.in_line) {
    line.erase(node.turn);
  } else {
    line.insert(turn);
  }
  node.in_line = waits;
  node.turn = turn;
}

bool ShareTree::walk(const ShareNode& node, const Visit& visit, const IsOver& is_over) const {
  if (is_over(node.id)) return false;
  if (node.is_leaf()) return visit(node.id);
  return std::any_of(node.line.begin(), node.line.end(),
                     [&](const ShareTurn& turn) { return walk(*turn.node, visit, is_over); });
}

bool ShareTree::each_in_turn(const Visit& visit, const IsOver& is_over) const {
  return walk(root(), visit, is_over);
}

std::pair<const ShareNode*, const ShareNode*> ShareTree::parting(ShareId a, ShareId b) const {
  const ShareNode *left = &node(a), *right = &node(b);
  while (left->level > right->level) left = &node(left->parent);
  while (right->level > left->level) right = &node(right->parent);
  while (left->parent != right->parent) {
    left = &node(left->parent);
    right = &node(right->parent);
  }
  return {left, right};
}

bool ShareTree::goes_before(ShareId a, ShareId b) const {
  if (a == b) return false;
  const auto [left, right] = parting(a, b);
  return left != right && turn_of(*left) < turn_of(*right);
}

bool ShareTree::is_short(ShareId leaf) const {
  for (ShareId id = leaf; id != root().id; id = node(id).parent)
    if (node(id).is_short()) return true;
  return false;
}

bool ShareTree::may_take(ShareId taker, ShareId victim, double tail, double lead) const {
  if (taker == victim) return false;
  const auto [mine, other] = parting(taker, victim);
  if (mine == other || !mine->is_short() || other->slots <= other->guarantee) return false;
  if (mine->slots < mine->guarantee) return true;
  return (other->used() - tail - lead) / other->weight > mine->used() / mine->weight;
}

std::vector<ShareId> ShareTree::most_ahead() const {
  std::vector<ShareId> found;
  for (const auto& [names, leaf] : leaves_)
    if (node(leaf).leases > 0) found.push_back(leaf);
  std::sort(found.begin(), found.end(), [&](ShareId a, ShareId b) { return goes_before(b, a); });
  return found;
}

void ShareTree::set_waiting(ShareId leaf, std::uint64_t tasks) {
  const std::uint64_t before = node(leaf).waiting;
  if (tasks == before) return;
  for (ShareId id = leaf; id; id = node(id).parent) {
    ShareNode& node = at(id);
    const bool waited = node.waiting > 0;
    node.waiting += tasks - before;  // modulo 2^64: the sum of its leaves
    if (waited != (node.waiting > 0)) place(node);
  }
}

void ShareTree::enter(ShareId leaf, SharesInSlot& slot) {
  for (ShareId id = leaf; id; id = node(id).parent) {
    ShareNode& node = at(id);
    ++node.leases;
    const auto held = std::find_if(slot.begin(), slot.end(), [&](const auto& share) { return share.first == id; });
    if (held != slot.end()) {
      ++held->second;
      continue;
    }
    slot.emplace_back(id, 1);
    ++node.slots;
    place(node);
  }
}

void ShareTree::leave(ShareId leaf, SharesInSlot& slot) {
  for (ShareId id = leaf; id; id = node(id).parent) {
    ShareNode& node = at(id);
    --node.leases;
    const auto held = std::find_if(slot.begin(), slot.end(), [&](const auto& share) { return share.first == id; });
    FM_CHECK(held != slot.end() && node.slots > 0, "a slot that does not know whose work it holds");
    if (--held->second > 0) continue;
    slot.erase(held);
    --node.slots;
    place(node);
  }
}

void ShareTree::charge(ShareId leaf, double scaled) {
  for (ShareId id = leaf; id; id = node(id).parent) {
    at(id).pending += scaled;
    place(at(id));
  }
}

void ShareTree::settle(ShareId leaf, double scaled, double estimated) {
  for (ShareId id = leaf; id; id = node(id).parent) {
    ShareNode& node = at(id);
    node.settled += scaled;
    node.pending = node.leases == 0 ? 0 : node.pending - estimated;  // no rest of rounding stays
    place(node);
  }
  if (scaled > 0) unwritten_.insert(leaf);
}

double ShareTree::scale(base::Instant now) const {
  if (now == scaled_at_) return scale_;
  if (origin_.ms == INT64_MIN) origin_ = now;
  scaled_at_ = now;
  scale_ = std::exp2(static_cast<double>((now - origin_).ms) / static_cast<double>(settings_.half_life.ms));
  return scale_;
}

// By a power of two, so that nothing is rounded and no order changes.
double ShareTree::rescale(base::Instant now) {
  if (scale(now) < kScaleMost) return 1;
  const std::int64_t half_lives = (now - origin_).ms / settings_.half_life.ms;
  const double by = std::exp2(static_cast<double>(half_lives));
  for (ShareNode& node : nodes_) {
    node.line.clear();
    node.in_line = false;
    node.settled /= by;
    node.pending /= by;
  }
  for (ShareNode& node : nodes_) place(node);
  origin_ = origin_ + settings_.half_life * half_lives;
  scaled_at_ = base::Instant{INT64_MIN};
  return by;
}

ShareUsageRecord ShareTree::usage_record(ShareId leaf, base::Now now) const {
  const ShareNode& of = node(leaf);
  return {of.show, of.user, whole_us(of.settled / scale(now.monotonic)), now.wall};
}

void ShareTree::restore(const ShareUsageRecord& record, base::Now now) {
  const ShareId leaf = leaf_of(record.show, record.user);
  const double age_ms = static_cast<double>(std::max<std::int64_t>(now.wall.unix_ms - record.at.unix_ms, 0));
  const double left =
      static_cast<double>(record.used_us) * std::exp2(-age_ms / static_cast<double>(settings_.half_life.ms));
  for (ShareId id = leaf; id; id = node(id).parent) {
    at(id).settled += left * scale(now.monotonic);
    place(at(id));
  }
  at(leaf).kept = record;
}

}  // namespace framemill::scheduler
