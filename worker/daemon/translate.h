// From what an executor says (wire/executor.proto) to the core's events, and the Configure it gets. Pure, but for
// executor_spawn, which reads the environment.
//
// Errors: executor.bad_message.
#pragma once

#include "base/result.h"
#include "wire/executor.pb.h"
#include "worker/core/events.h"
#include "worker/daemon/config.h"
#include "worker/daemon/devices.h"
#include "worker/supervisor/spawn.h"

namespace framemill::worker {

base::Result<Event> event_from_executor(SlotIndex slot, const wire::FromExecutor& message);

wire::Configure configure_message(const WorkerConfig& config, const HostPlan& host, SlotIndex slot);

// How the slot's executor is started: what it sees of the environment and of the GPUs, the CPUs it is pinned to.
SpawnRequest executor_spawn(const WorkerConfig& config, const HostPlan& host, SlotIndex slot,
                            const std::filesystem::path& program);

}  // namespace framemill::worker
