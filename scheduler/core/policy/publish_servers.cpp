#include "scheduler/core/policy/publish_servers.h"

#include <cstddef>
#include <cstdint>

namespace framemill::scheduler {
namespace {

bool can_serve(const WorkerEntry& worker, const std::string& root) {
  return worker.known && !worker.silent && !worker.record.revoked && worker.sees_root(root);
}

}  // namespace

WorkerId publish_server(const FarmState& farm, const std::string& root, WorkerId preferred) {
  if (const WorkerEntry* worker = farm.workers.find(preferred); worker != nullptr && can_serve(*worker, root))
    return preferred;
  WorkerId best;
  std::size_t fewest = SIZE_MAX;
  for (const auto& [id, worker] : farm.workers.all()) {
    if (!can_serve(worker, root)) continue;
    const std::size_t duties = farm.duties.of(id).size();
    if (duties < fewest) {
      fewest = duties;
      best = id;
    }
  }
  return best;
}

WorkerId other_publish_server(const FarmState& farm, const std::string& root, WorkerId worker) {
  WorkerId first = worker;
  for (const auto& [id, entry] : farm.workers.all()) {
    if (!can_serve(entry, root)) continue;
    if (id > worker) return id;
    if (first == worker && id < worker) first = id;
  }
  return first;
}

bool at_publish_cap(const FarmState& farm, WorkerId worker) {
  return farm.duties.of(worker).size() >= farm.settings.publish_duties_per_worker_max || farm_at_publish_cap(farm);
}

bool farm_at_publish_cap(const FarmState& farm) {
  return farm.duties.all().size() >= farm.settings.publish_duties_max;
}

}  // namespace framemill::scheduler
