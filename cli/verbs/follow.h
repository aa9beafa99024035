// Watching one job until it is over: what follow does, and submit --watch after a submit.
#pragma once

#include <cstdint>

#include "cli/arguments.h"

namespace framemill::cli {

enum class Display { Live, Plain };

// `patience`: how long the scheduler may stay away in one piece. The exit code says how the job ended.
base::Result<ExitCode> follow_job(Session& session, std::int64_t job, base::Duration patience, Display display);

}  // namespace framemill::cli
