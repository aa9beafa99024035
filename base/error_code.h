// Error codes that the program itself decides by. A code is text for people and for other programs (Error::code). As
// soon as a decision of ours hangs on it, it is an enumerator with one row in the table of its room: a misspelt code does
// not compile, and what a code means is written once. A room declares its enum and `std::string_view text_of(Enum)`
// beside it; the functions here find that by the namespace of the enum. Pure.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/result.h"

namespace framemill::base {

// The names of a closed list, in the order of its enumerators: one table serves both directions.
template <class Enum, std::size_t N>
struct Names {
  std::array<std::string_view, N> names;

  constexpr std::string_view of(Enum value) const {
    const auto index = static_cast<std::size_t>(value);
    FM_CHECK(index < N, "a value outside its closed list");
    return names[index];
  }
  constexpr std::optional<Enum> find(std::string_view text) const {
    for (std::size_t i = 0; i < N; ++i)
      if (names[i] == text) return static_cast<Enum>(i);
    return std::nullopt;
  }
};

template <class Code>
concept ErrorCode = std::is_enum_v<Code> && requires(Code code) {
  { text_of(code) } -> std::convertible_to<std::string_view>;
};

template <ErrorCode Code>
bool is(const Error& error, Code code) {
  return error.code == text_of(code);
}
// Whether it failed, and so.
template <class T, ErrorCode Code>
bool is(const Result<T>& result, Code code) {
  return !result.ok() && is(result.error(), code);
}

template <ErrorCode Code>
Error error_of(Code code, std::string message, std::string field = "", std::string hint = "") {
  return {std::string(text_of(code)), std::move(message), std::move(field), std::move(hint)};
}

}  // namespace framemill::base
