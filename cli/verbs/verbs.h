// All verbs of the program, one file each in cli/verbs. A verb declares its command line and hands over what to run.
#pragma once

#include "cli/arguments.h"

namespace framemill::cli {

void declare_submit(Arguments& program);
void declare_check(Arguments& program);
void declare_jobs(Arguments& program);
void declare_job(Arguments& program);
void declare_frames(Arguments& program);
void declare_logs(Arguments& program);
void declare_workers(Arguments& program);
void declare_limits(Arguments& program);
void declare_shares(Arguments& program);
void declare_drain(Arguments& program);
void declare_undrain(Arguments& program);
void declare_cancel(Arguments& program);
void declare_pause(Arguments& program);
void declare_resume(Arguments& program);
void declare_retry(Arguments& program);
void declare_priority(Arguments& program);
void declare_deadline(Arguments& program);
void declare_follow(Arguments& program);
void declare_wait(Arguments& program);
void declare_explain(Arguments& program);
void declare_diagnose(Arguments& program);
void declare_sheet(Arguments& program);
void declare_keys(Arguments& program);
void declare_model(Arguments& program);
void declare_db(Arguments& program);
void declare_doctor(Arguments& program);
void declare_version(Arguments& program);
void declare_clone(Arguments& program);
void declare_usage(Arguments& program);
void declare_completion(Arguments& program);
void declare_manual(Arguments& program);

void declare_verbs(Arguments& program);  // all of them

}  // namespace framemill::cli
