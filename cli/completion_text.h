// Completion scripts for shells: verbs, options and paths of this host. They ask the scheduler nothing, so that a key
// press never waits. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/verb_info.h"

namespace framemill::cli {

enum class Shell { Bash, Zsh, Fish };
std::optional<Shell> shell_from_name(std::string_view name);  // "bash"

std::string completion_text(const VerbInfo& program, Shell shell);

}  // namespace framemill::cli
