#include "cli/moments.h"

#include <ctime>

#include "base/rfc3339.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

std::optional<int> two_digits(std::string_view text, int most) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 2 || !digit(text[0]) || !digit(text[1])) return std::nullopt;
  const int value = (text[0] - '0') * 10 + (text[1] - '0');
  return value <= most ? std::optional(value) : std::nullopt;
}

// "18:00": today, or tomorrow where that has passed. mktime() settles the days on which the clocks are changed.
std::optional<base::WallTime> next_time_of_day(std::string_view text, base::WallTime now) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = two_digits(text.substr(0, 2), 23), minute = two_digits(text.substr(3), 59);
  if (!hour || !minute) return std::nullopt;
  const std::time_t now_s = now.unix_ms / 1000;
  std::tm local{};
  if (localtime_r(&now_s, &local) == nullptr) return std::nullopt;
  for (int days = 0; days < 2; ++days) {
    std::tm wanted = local;
    wanted.tm_mday += days;
    wanted.tm_hour = *hour;
    wanted.tm_min = *minute;
    wanted.tm_sec = 0;
    wanted.tm_isdst = -1;
    const std::time_t moment_s = std::mktime(&wanted);
    if (moment_s > now_s) return base::WallTime{std::int64_t{moment_s} * 1000};
  }
  return std::nullopt;
}

}  // namespace

std::optional<base::WallTime> moment_of(std::string_view text, base::WallTime now) {
  if (const auto moment = base::parse_rfc3339(text)) return moment;
  if (const auto moment = next_time_of_day(text, now)) return moment;
  const auto from_now = duration_ms(text);
  if (!from_now || *from_now < 1) return std::nullopt;
  return base::WallTime{now.unix_ms + *from_now};
}

}  // namespace framemill::cli
