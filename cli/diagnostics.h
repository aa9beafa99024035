// Errors of a job spec, shown as a compiler shows its own: file:line:column, code, message, the line with a caret, and
// what to write instead. Pure; any thread.
#pragma once

#include <boost/json.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"
#include "jobs/spec.h"

namespace framemill::cli {

// `file` is the name to show ("-" reads as "standard input"), `source` its text.
std::string diagnostics_text(const std::vector<jobs::SpecError>& errors, std::string_view file, std::string_view source,
                             const Terminal& terminal);

// Findings of a server's answer; anything else in it is skipped.
std::vector<jobs::SpecError> spec_errors_from_json(const boost::json::array& list);

}  // namespace framemill::cli
