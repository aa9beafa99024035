// What is configured of the fair shares ([shares] in scheduler.toml): who stands where in the tree, and what each node is
// entitled to. Values; the tree itself is in share_tree.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/strong_id.h"
#include "base/time.h"

namespace framemill::scheduler {

using ShareId = base::StrongId<struct ShareTag, std::uint32_t>;  // a node of the tree; 0: none

inline constexpr double kShareWeightLeast = 0.001, kShareWeightMost = 1'000'000;
inline constexpr std::uint32_t kShareSlotsMost = 1'000'000;  // of guarantees and caps

// Of one node; what is not given is as a wider rule or the default has it.
struct ShareRules {
  std::optional<double> weight;            // of it among its siblings; 1
  std::optional<std::uint32_t> guarantee;  // slots that it gets before all others while it has work; 0
  std::optional<std::uint32_t> slots_max;  // slots that may hold its work at once; 0: as many as there are
  bool operator==(const ShareRules&) const = default;
};

struct ShareSettings {
  base::Duration half_life = base::seconds(24 * 3600);  // after that time half of what was used counts
  // What a second of a device costs: by its name, its device class, or "cpu" and "cuda"; the first that is there. Of a
  // device that none of them names: 1.
  std::map<std::string, double> device_weights{{"cpu", 0.05}};
  std::map<std::string, ShareRules> rules;      // by path: "features", "features/atlas", "features/atlas/ana"
  std::map<std::string, std::string> group_of;  // show -> path of the group that it belongs to; others: the root
};

}  // namespace framemill::scheduler
