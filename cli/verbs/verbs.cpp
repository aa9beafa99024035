#include "cli/verbs/verbs.h"

namespace framemill::cli {

// In the order of a working day: this is how --help lists them.
void declare_verbs(Arguments& program) {
  for (const auto declare :
       {declare_submit, declare_check,   declare_clone,    declare_jobs,   declare_job,        declare_follow,
        declare_wait,   declare_explain, declare_diagnose, declare_frames, declare_sheet,      declare_logs,
        declare_pause,  declare_resume,  declare_cancel,   declare_retry,  declare_priority,   declare_deadline,
        declare_usage,  declare_limits,  declare_workers,  declare_shares, declare_drain,      declare_undrain,
        declare_model,  declare_keys,    declare_db,       declare_doctor, declare_completion, declare_manual,
        declare_version})
    declare(program);
}

}  // namespace framemill::cli
