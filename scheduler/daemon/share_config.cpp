#include "scheduler/daemon/share_config.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/units.h"

namespace framemill::scheduler {
namespace {

using config::SettingsTable;

constexpr double kDeviceWeightMost = 10'000;

// "features", "features/atlas", "features/atlas/ana".
bool is_path(std::string_view path) {
  return !path.empty() && path.front() != '/' && path.back() != '/' && path.find("//") == std::string_view::npos;
}

void read_node(SettingsTable& node, const std::string& path, ShareSettings& shares) {
  ShareRules& rules = shares.rules[path];
  rules.weight = node.number("weight", kShareWeightLeast, kShareWeightMost);
  if (const auto slots = node.integer("guarantee", 0, kShareSlotsMost))
    rules.guarantee = static_cast<std::uint32_t>(*slots);
  if (const auto slots = node.integer("slots_max", 1, kShareSlotsMost))
    rules.slots_max = static_cast<std::uint32_t>(*slots);
  std::vector<std::string> shows;
  node.texts("shows", shows);
  for (const std::string& show : shows) {
    const auto [entry, added] = shares.group_of.try_emplace(show, path);
    if (!added && entry->second != path)
      node.fail("shows", "out_of_range", fmt::format("show {} is in {} already", show, entry->second),
                "a show belongs to one group");
  }
}

std::string in_quotes(const std::string& value) {
  return fmt::format("\"{}\"", value);
}

}  // namespace

std::vector<std::array<std::string, 3>> shown_shares(const ShareSettings& shares) {
  std::vector<std::array<std::string, 3>> keys{
      {"shares", "half_life", in_quotes(base::duration_text(shares.half_life))}};
  for (const auto& [device, weight] : shares.device_weights)
    keys.push_back({"shares.device_weights", device, fmt::to_string(weight)});
  for (const auto& [path, rules] : shares.rules) {
    const std::string table = "shares.nodes." + in_quotes(path);
    if (rules.weight) keys.push_back({table, "weight", fmt::to_string(*rules.weight)});
    if (rules.guarantee) keys.push_back({table, "guarantee", fmt::to_string(*rules.guarantee)});
    if (rules.slots_max) keys.push_back({table, "slots_max", fmt::to_string(*rules.slots_max)});
    std::string shows;
    for (const auto& [show, group] : shares.group_of)
      if (group == path) shows += (shows.empty() ? "" : ", ") + in_quotes(show);
    if (!shows.empty()) keys.push_back({table, "shows", "[" + shows + "]"});
  }
  return keys;
}

void read_shares(SettingsTable& table, ShareSettings& shares) {
  table.duration("half_life", shares.half_life, base::seconds(60), base::seconds(365 * 24 * 3600));
  // Names of devices hold spaces, and paths slashes: more than entries() takes.
  table.table("device_weights", [&](SettingsTable& weights) {
    for (const std::string& device : weights.keys())
      if (const auto weight = weights.number(device, 0, kDeviceWeightMost)) shares.device_weights[device] = *weight;
  });
  table.table("nodes", [&](SettingsTable& nodes) {
    for (const std::string& path : nodes.keys()) {
      if (!is_path(path))
        nodes.fail(path, "bad_name", fmt::format("\"{}\" is not the path of a share", path),
                   "write \"features/atlas\": groups, then a show, then a user");
      nodes.table(path, [&](SettingsTable& node) { read_node(node, path, shares); });
    }
  });
}

}  // namespace framemill::scheduler
