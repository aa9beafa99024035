#include "scheduler/core/policy/lacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace framemill::scheduler {
namespace {

template <class Has>
bool anyone(const FarmState& farm, Has has) {
  return std::any_of(farm.workers.all().begin(), farm.workers.all().end(), [&](const auto& entry) {
    return entry.second.known && !entry.second.record.revoked && has(entry.second.inventory);
  });
}

bool lists(const Inventory& inventory, const std::string& program) {
  return std::find(inventory.commands.begin(), inventory.commands.end(), program) != inventory.commands.end();
}

bool names_root(const Inventory& inventory, const std::string& root) {
  return std::any_of(inventory.roots.begin(), inventory.roots.end(),
                     [&](const RootSeen& seen) { return seen.name == root; });
}

// What a layer's phases lack; several phases of it say the same.
void add_lacks(const FarmState& farm, const Demand& demand, std::vector<std::string>& lacks) {
  if (demand.runner == Runner::Program && !anyone(farm, [&](const Inventory& i) { return lists(i, demand.program); }))
    lacks.push_back(fmt::format("no worker lists the program \"{}\" under [commands]", demand.program));
  if (demand.runner == Runner::Media && !anyone(farm, [](const Inventory& i) { return i.media; }))
    lacks.push_back("no worker can make movies and sheets");
  if (demand.runner == Runner::Executor) {
    bool other_digest = false;
    const bool held = anyone(farm, [&](const Inventory& i) {
      return std::any_of(i.packages.begin(), i.packages.end(), [&](const PackageHeld& package) {
        other_digest = other_digest || (package.id == demand.model && package.root_digest != demand.model_digest);
        return package.id == demand.model && package.root_digest == demand.model_digest;
      });
    });
    if (!held)
      lacks.push_back(
          fmt::format("no worker holds {}{}", demand.model, other_digest ? " with the scheduler's digest" : ""));
  }
  for (const std::string& root : demand.roots) {
    if (!anyone(farm, [&](const Inventory& i) { return names_root(i, root); }))
      lacks.push_back(fmt::format("no worker has root \"{}\"", root));
  }
}

}  // namespace

bool only_read(const FarmState& farm, const std::string& root) {
  bool any = false, all = true;
  for (const auto& [id, worker] : farm.workers.all()) {
    if (!worker.known || worker.record.revoked) continue;
    for (const RootSeen& seen : worker.inventory.roots) {
      if (seen.name != root) continue;
      any = true;
      // Readable alone, and the worker says why; without a reason its storage or its host rests for a moment.
      all = all && !seen.usable && (seen.read_only || (seen.readable && !seen.problem.empty()));
    }
  }
  return any && all;
}

std::vector<std::string> lacks_of(const FarmState& farm, const JobEntry& job) {
  std::vector<std::string> sentences;
  if (!anyone(farm, [](const Inventory&) { return true; })) return sentences;
  std::set<std::string> said;
  for (const PhaseEntry& phase : job.phases) {
    std::vector<std::string> lacks;
    add_lacks(farm, farm.classes.of(phase.common_class), lacks);
    for (const std::string& lack : lacks) {
      std::string sentence = fmt::format("layer {}: {}", job.layer_of(phase).name, lack);
      if (said.insert(sentence).second) sentences.push_back(std::move(sentence));
    }
  }
  return sentences;
}

}  // namespace framemill::scheduler
