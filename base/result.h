// An expected failure is a value that must be looked at. Result<T> holds a T or an Error; libraries' exceptions end at the
// room that includes the library and become one of these.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace framemill::base {

// What went wrong, for people and for programs.
struct Error {
  std::string code;     // stable, "room.what": "spec.unknown_key", "store.disk_full", "model.digest_mismatch"
  std::string message;  // one sentence: what was being tried, the value, the limit
  std::string field;    // the field of the input it speaks of ("layer[1].frames"), or empty
  std::string hint;     // what to do, or empty

  // The same error, told from further out: "load model demo-clips@1: weights.safetensors: header length 2^63".
  Error wrapped(std::string_view context) const {
    Error outer = *this;
    outer.message = std::string(context) + ": " + message;
    return outer;
  }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value() const& {
    FM_CHECK(ok(), error_text());
    return std::get<0>(state_);
  }
  T& value() & {
    FM_CHECK(ok(), error_text());
    return std::get<0>(state_);
  }
  T&& value() && {
    FM_CHECK(ok(), error_text());
    return std::get<0>(std::move(state_));
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const Error& error() const {
    FM_CHECK(!ok(), "error() of a Result that holds a value");
    return std::get<1>(state_);
  }

 private:
  std::string error_text() const { return ok() ? std::string() : std::get<1>(state_).message; }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose
  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  void value() const { FM_CHECK(ok(), error_->message); }
  const Error& error() const {
    FM_CHECK(!ok(), "error() of a Result that holds a value");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace framemill::base

// Leaves the function with the error of EXPR, if it has one.
#define FM_TRY(EXPR)                                                        \
  do {                                                                      \
    if (auto fm_status = (EXPR); !fm_status.ok()) return fm_status.error(); \
  } while (false)

#define FM_CONCAT_INNER(a, b) a##b
#define FM_CONCAT(a, b) FM_CONCAT_INNER(a, b)
// FM_ASSIGN(auto x, expression()): declares x from the value, or leaves with the error.
#define FM_ASSIGN(DECLARATION, EXPR) FM_ASSIGN_IMPL(FM_CONCAT(fm_result_, __LINE__), DECLARATION, EXPR)
#define FM_ASSIGN_IMPL(RESULT, DECLARATION, EXPR) \
  auto RESULT = (EXPR);                           \
  if (!RESULT.ok()) return RESULT.error();        \
  DECLARATION = std::move(RESULT).value()
