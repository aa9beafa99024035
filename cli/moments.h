// Moments as people type them on the command line. Reads the time zone of this machine.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace framemill::cli {

inline constexpr std::string_view kMomentExamples =
    "for example 18:00 (the next time that the clock here shows it), 2h (from now) or 2026-12-24T18:00:00+01:00";

// Nothing for other texts.
std::optional<base::WallTime> moment_of(std::string_view text, base::WallTime now);

}  // namespace framemill::cli
