// framemill cancel JOB, or the jobs of a selection: stops them at the next step boundary.
#include "cli/verbs/job_change.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {

void declare_cancel(Arguments& program) {
  declare_job_change(program, "cancel", "Stop a job; published frames stay",
                     "framemill cancel 12 --reason \"wrong prompt\"", "cancelled");
}

}  // namespace framemill::cli
