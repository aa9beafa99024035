// Lengths of time and numbers of bytes as people write them: one grammar for specs, settings and the command line. Each
// place sets its own limits. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace framemill::base {

// "250ms", "90s", "5m", "2h": a whole number and its unit, at most a million hours.
std::optional<Duration> parse_duration(std::string_view text);
std::string duration_text(Duration duration);  // in seconds where they are whole ones: "90s", "1500ms"
// What a text that is not a duration was meant to be: "write 5m" for "5 min"; empty when nobody can tell.
std::string duration_meant(std::string_view text);

// "512MiB", "8GiB", "100B": a whole number of B, KiB, MiB, GiB or TiB, less than 2^63.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string size_text(std::uint64_t bytes);     // in the largest unit that divides it
std::string size_meant(std::string_view text);  // "write 8GiB" for "8 GB"

}  // namespace framemill::base
