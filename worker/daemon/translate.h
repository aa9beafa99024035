// From what an executor says (wire/executor.proto) to the core's events, and the Configure it gets. Pure.
//
// Errors: executor.bad_message.
#pragma once

#include "base/result.h"
#include "wire/executor.pb.h"
#include "worker/core/events.h"
#include "worker/daemon/config.h"
#include "worker/daemon/devices.h"

namespace framemill::worker {

base::Result<Event> event_from_executor(SlotIndex slot, const wire::FromExecutor& message);

wire::Configure configure_message(const WorkerConfig& config, const HostPlan& host, SlotIndex slot);

}  // namespace framemill::worker
