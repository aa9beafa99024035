// What cancel, pause, resume, priority and retry share: they post a change of a job and say what it came to.
#pragma once

#include <string>

#include "cli/arguments.h"

namespace framemill::cli {

// Posts `body` to /api/v1/jobs/{job}/{verb}; `said` is the past participle for people ("cancelled").
base::Result<ExitCode> change_job(Session& session, const std::string& job, const std::string& verb, json::object body,
                                  const std::string& said);
// A verb that needs a job, or a selection of jobs, and a reason alone.
void declare_job_change(Arguments& program, const std::string& verb, const std::string& summary,
                        const std::string& example, const std::string& said);

}  // namespace framemill::cli
