// Work that no host of the farm can take is told where people look, and not only where they ask why.
#pragma once

#include <cstdint>
#include <string>

#include "cli/session.h"

namespace framemill::cli {

// What explain says of a job whose next work can never run on the farm as it is, with what would change that, as lines
// to print; empty when it can run, and when the scheduler does not say. Asks the scheduler.
std::string never_runs_text(Session& session, std::int64_t job);

}  // namespace framemill::cli
