// framemill resume JOB: lets it go on.
#include "cli/verbs/job_change.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {

void declare_resume(Arguments& program) {
  declare_job_change(program, "resume", "Resume a paused job", "framemill resume 12", "resumed");
}

}  // namespace framemill::cli
