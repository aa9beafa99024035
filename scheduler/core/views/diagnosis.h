// "What is wrong with it, and what do I type next?": failures followed to their cause, what waits for them, and for work
// that does not fail why it is not running, or which workers are slow at it.
#pragma once

#include "scheduler/core/state/farm_state.h"
#include "scheduler/core/views/diagnosis_view.h"

namespace framemill::scheduler {

base::Result<DiagnosisView> diagnose_job(const FarmState& farm, JobId job, base::Now now);

}  // namespace framemill::scheduler
