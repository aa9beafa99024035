// Runs one of our sibling programs and waits for it, with a time limit and bounded output. For checks and contact
// sheets, not for work of the farm. One thread.
//
// Errors: process.missing, process.start, process.timeout, net.interrupted.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace framemill::cli {

struct ChildResult {
  int exit_status = -1;  // 128 + signal number when a signal ended it
  std::string output;    // standard output and error together; at most the first 64 KiB
};

// Where a program of ours lies: in the directory of this one, or where an installation has what people do not start
// themselves, in lib/framemill beside it.
std::filesystem::path sibling_program(const std::filesystem::path& directory, const std::string& name);

// argv[0] is a path. Its standard input is empty. At the limit, or when
// keep_going turns false, the child and all it started are killed.
base::Result<ChildResult> run_child(const std::vector<std::string>& argv, base::Duration limit,
                                    const std::function<bool()>& keep_going);

}  // namespace framemill::cli
