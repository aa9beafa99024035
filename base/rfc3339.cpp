#include "base/rfc3339.h"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace framemill::base {
namespace {

// Takes exactly `digits` digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || *year < 1970 || !take_char(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take_char(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !take_char(text, "Tt ")) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take_char(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take_char(text, ":")) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  int milliseconds = 0;
  if (take_char(text, ".")) {
    int digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits, text.remove_prefix(1))
      if (digits < 3) milliseconds = milliseconds * 10 + (text.front() - '0');
    if (digits == 0 || digits > 9) return std::nullopt;
    for (; digits < 3; ++digits) milliseconds *= 10;
  }
  std::int64_t offset_minutes = 0;
  if (!take_char(text, "Zz")) {
    const bool west = !text.empty() && text.front() == '-';
    if (!take_char(text, "+-")) return std::nullopt;
    const auto hours = take_digits(text, 2);
    if (!hours || *hours > 23 || !take_char(text, ":")) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    offset_minutes = (west ? -1 : 1) * (*hours * 60 + *minutes);
  }
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!text.empty() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t minutes = (days * 24 + *hour) * 60 + *minute - offset_minutes;
  return WallTime{(minutes * 60 + *second) * 1000 + milliseconds};
}

std::string format_rfc3339(WallTime moment, Milliseconds milliseconds) {
  constexpr std::int64_t kDayMs = 86'400'000;
  std::int64_t day = moment.unix_ms / kDayMs;
  std::int64_t ms = moment.unix_ms % kDayMs;
  if (ms < 0) {
    ms += kDayMs;
    --day;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  const std::string seconds = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                          ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60);
  const bool whole = ms % 1000 == 0 && milliseconds == Milliseconds::WhereAny;
  return whole ? fmt::format("{}Z", seconds) : fmt::format("{}.{:03}Z", seconds, ms % 1000);
}

}  // namespace framemill::base
