// The language of tests/scenarios/*.scn: one statement per line, told in order to a farm on a stage. docs are at the
// top of script.cpp; a scenario fails with its line and what was found instead.
#pragma once

#include <string>

namespace framemill::scheduler::stage {

// Runs the scenario; empty when everything came as it says, else "line 12: ...".
std::string run_script(const std::string& text);

}  // namespace framemill::scheduler::stage
