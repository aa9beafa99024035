// framemill pause JOB: grants nothing more and stops at the next step boundary.
#include "cli/verbs/job_change.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {

void declare_pause(Arguments& program) {
  declare_job_change(program, "pause", "Hold a job until it is resumed", "framemill pause 12", "paused");
}

}  // namespace framemill::cli
