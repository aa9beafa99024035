#include "scheduler/core/acts/maintenance.h"

#include <fmt/format.h>

#include <utility>

#include "scheduler/core/acts/audit.h"
#include "scheduler/core/acts/take_back.h"

namespace framemill::scheduler {

void plan_drain(FarmState& farm, WorkerEntry& worker, base::WallTime at, const Cause& cause) {
  cancel_planned_drain(farm, worker);
  worker.record.drain_at = at;
  worker.record.drain_planned = cause;
  farm.drain_plans.add(at, worker.record.id, farm.turn.now);
}

void cancel_planned_drain(FarmState& farm, WorkerEntry& worker) {
  if (worker.record.drain_at.unix_ms == 0) return;
  farm.drain_plans.erase(worker.record.drain_at, worker.record.id, farm.turn.now);
  worker.record.drain_at = {};
  worker.record.drain_planned = {};
}

std::uint32_t begin_drain(FarmState& farm, WorkerEntry& worker) {
  if (!worker.record.drain_requested) worker.tasks_taken_back = 0;
  worker.record.drain_requested = true;
  return take_back_unbegun(farm, worker);
}

void begin_planned_drains(FarmState& farm) {
  if (farm.read_only || farm.drain_plans.next_look() > farm.now()) return;
  const auto& plans = farm.drain_plans.all();
  while (!plans.empty() && plans.begin()->first <= farm.turn.now.wall) {
    WorkerEntry& worker = farm.workers.get(farm.drain_plans.first());
    const Cause planned = worker.record.drain_planned;
    cancel_planned_drain(farm, worker);
    begin_drain(farm, worker);
    worker.record.last_change = {planned.principal, farm.turn.now.wall, planned.reason};
    farm.turn.mark(worker);
    farm.on_worker_changed(worker);
    farm.turn.say(WorkerEvent{WorkerEvent::What::DrainAsked, worker.record.id, planned.reason});
    audit(farm, {"scheduler", farm.turn.now.wall, fmt::format("as {} planned", planned.principal)}, "drain",
          fmt::format("worker {}", worker.record.id.value));
  }
  farm.drain_plans.look_soon(farm.turn.now);
}

void recall_planned_drains(FarmState& farm) {
  for (const auto& [id, worker] : farm.workers.all())
    if (worker.record.drain_at.unix_ms != 0) farm.drain_plans.add(worker.record.drain_at, id, farm.turn.now);
  farm.drain_plans.look_after_restart(farm.turn.now);
}

}  // namespace framemill::scheduler
