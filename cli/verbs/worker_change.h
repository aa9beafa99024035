// What drain and undrain share: they post a change of a worker and say what it came to.
#pragma once

#include <string>

#include "cli/arguments.h"

namespace framemill::cli {

// Posts to /api/v1/workers/{worker}/{change}. `worker` is an id or a name.
base::Result<ExitCode> change_worker(Session& session, const std::string& worker, const std::string& change,
                                     const std::string& reason);

}  // namespace framemill::cli
