// framemill-scheduler as a service: configuration, packages, the core's loop on the calling thread, the HTTP API on one of
// its own, signals, and the service manager's watchdog fed by the core's loop.
#pragma once

#include "base/result.h"
#include "scheduler/daemon/config.h"

namespace framemill::scheduler {

// What would be used, for --check-config; the first thing that is wrong as an error.
base::Status check_setup(const SchedulerConfig& config);

// Runs until SIGTERM or SIGINT. SIGHUP reads the workers' keys and the tokens again.
base::Status run_daemon(const SchedulerConfig& config, const std::string& version);

}  // namespace framemill::scheduler
