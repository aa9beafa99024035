#include "config/toml_scalar.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cstddef>

namespace framemill::config {

bool is_toml_scalar(std::string_view text) {
  constexpr std::size_t kScalarBytesMax = 64;
  // The letters that a boolean, "inf", "nan" or a number can begin with; others need no parser to be told.
  if (text.empty() || text.size() > kScalarBytesMax || text.find('\n') != std::string_view::npos) return false;
  if (std::string_view("0123456789+-tfin").find(text.front()) == std::string_view::npos) return false;
  try {
    const toml::table document = toml::parse(fmt::format("v = {}", text));
    return document.size() == 1 && document.begin()->second.is_value();
  } catch (const toml::parse_error&) {
    return false;
  }
}

}  // namespace framemill::config
