// What drain and undrain share: they post a change of a worker and say what it came to; and how a drain goes on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace framemill::cli {

// Posts `body` to /api/v1/workers/{worker}/{change} for each of the changes, and prints the last answer. `worker` is an id or
// a name.
base::Result<ExitCode> change_worker(Session& session, const std::string& worker,
                                     const std::vector<std::string>& changes, const json::object& body);

// "12 tasks given to other workers, 3 tasks to finish here"
std::string drain_text(std::int64_t taken_back, std::int64_t held);

}  // namespace framemill::cli
