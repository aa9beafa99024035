#include "scheduler/daemon/share_config.h"

#include <fmt/format.h>

#include <string>
#include <vector>

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
  if (const auto slots = node.integer("guarantee", 0, kShareGuaranteeMost))
    rules.guarantee = static_cast<std::uint32_t>(*slots);
  std::vector<std::string> shows;
  node.texts("shows", shows);
  for (const std::string& show : shows) {
    const auto [entry, added] = shares.group_of.try_emplace(show, path);
    if (!added)
      node.fail("shows", "out_of_range", fmt::format("show {} is in {} already", show, entry->second),
                "a show belongs to one group");
  }
}

}  // namespace

void read_shares(SettingsTable& table, ShareSettings& shares) {
  table.duration("half_life", shares.half_life, base::seconds(60), base::seconds(365 * 24 * 3600));
  table.entries("device_weights", [&](SettingsTable& weights, const std::string& device) {
    if (const auto weight = weights.number(device, 0, kDeviceWeightMost)) shares.device_weights[device] = *weight;
  });
  table.entries("nodes", [&](SettingsTable& nodes, const std::string& path) {
    if (!is_path(path))
      nodes.fail(path, "bad_name", fmt::format("\"{}\" is not the path of a share", path),
                 "write \"features/atlas\": groups, then a show, then a user");
    nodes.table(path, [&](SettingsTable& node) { read_node(node, path, shares); });
  });
}

}  // namespace framemill::scheduler
