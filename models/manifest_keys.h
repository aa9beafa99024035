// Keys that a manifest must have, read from its tables: each is required, and what is wrong with it is a finding. Private
// to this room.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"

namespace framemill::models {

inline std::string needed_text(config::SettingsTable& in, std::string_view key, std::size_t bytes_max) {
  std::string out;
  in.require(key, fmt::format("a string of 1 to {} bytes", bytes_max));
  in.prose(key, out, bytes_max);
  return out;
}

// Leaves `out` as it is where the key is absent or wrong.
template <class Integer>
void take_integer(config::SettingsTable& in, std::string_view key, std::int64_t least, std::int64_t most,
                  Integer& out) {
  if (const auto value = in.integer(key, least, most)) out = static_cast<Integer>(*value);
}

template <class Integer>
void needed_integer(config::SettingsTable& in, std::string_view key, std::int64_t least, std::int64_t most,
                    Integer& out) {
  in.require(key, fmt::format("an integer, {} to {}", least, most));
  take_integer(in, key, least, most, out);
}

inline void needed_number(config::SettingsTable& in, std::string_view key, double least, double most, double& out) {
  in.require(key, fmt::format("a number, {} to {}", least, most));
  if (const auto value = in.number(key, least, most)) out = *value;
}

// The index of the word; 0 where it is absent or another.
inline std::size_t needed_choice(config::SettingsTable& in, std::string_view key,
                                 std::span<const std::string_view> words) {
  const std::vector<std::string_view> list(words.begin(), words.end());
  in.require(key, fmt::format("{}", fmt::join(list, ", ")));
  return in.choice(key, list).value_or(0);
}

inline void needed_table(config::SettingsTable& in, std::string_view key,
                         const config::SettingsTable::ReadTable& read) {
  in.require(key, fmt::format("a table, [{}]", key));
  in.table(key, read);
}

}  // namespace framemill::models
