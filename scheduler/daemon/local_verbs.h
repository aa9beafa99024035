// What an operator asks of the scheduler that runs on this host, over its socket for administration, without a token:
// framemill-scheduler reload and backup. Blocking; prints what happened for people.
//
// Errors: net.connect (no scheduler runs with this configuration), those of the scheduler.
#pragma once

#include "base/result.h"
#include "scheduler/daemon/config.h"

namespace framemill::scheduler {

// Key files are read again. Errors: reload.refused, where one of them was not taken.
base::Status ask_reload(const SchedulerConfig& config);
// A checked copy of the store in the directory of backups, or (CheckAlone) none but the check.
enum class Wanted { Backup, CheckAlone };
base::Status ask_copy(const SchedulerConfig& config, Wanted wanted);

}  // namespace framemill::scheduler
