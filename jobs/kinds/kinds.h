// The kinds of layers that there are, and what several of them share. Private to jobs.
#pragma once

#include <string>
#include <string_view>

#include "jobs/kind.h"

namespace framemill::jobs {

const Kind& generate_kind();
const Kind& command_kind();
const Kind& encode_kind();
const Kind& sheet_kind();

// Patterns of layers that give none: a file per frame with that ending, or one file.
std::string frames_output(std::string_view ending);
std::string file_output(std::string_view ending);

}  // namespace framemill::jobs
