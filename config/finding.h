// One mistake in a text that a person wrote, with its place and what to write instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace framemill::config {

// A place in a text, from 1; empty for what is not in a text: a default, an override, a value of JSON.
struct Position {
  std::optional<std::uint32_t> line, column;
  bool operator==(const Position&) const = default;
};

struct Finding {
  std::string
      code;  // "unknown_key"; whoever reports it puts the name of the kind of text before it: "spec.unknown_key"
  std::optional<std::uint32_t> line, column;
  std::string field;  // "layer[1].frames"
  std::string message, expected, suggestion;
};

}  // namespace framemill::config
