#include "jobs/spec_values.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace framemill::jobs {
namespace {

// Takes a whole number without sign off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

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

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> kSizeUnits{
    {{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}}};

// Reads one code point; nullopt when the bytes are not well-formed.
std::optional<std::uint32_t> take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : (lead & 0xf0) == 0xe0       ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return std::nullopt;
  std::uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (byte(i) & 0x3f);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  if (overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return std::nullopt;
  text.remove_prefix(length);
  return point;
}

}  // namespace

std::optional<base::Duration> parse_duration(std::string_view text) {
  constexpr std::uint64_t kSecondsMax = 30 * 24 * 3600;
  const auto value = take_number(text);
  if (!value || text.size() != 1) return std::nullopt;
  const std::uint64_t unit = text == "s" ? 1 : text == "m" ? 60 : text == "h" ? 3600 : 0;
  if (unit == 0 || *value == 0 || *value > kSecondsMax / unit) return std::nullopt;
  return base::seconds(static_cast<std::int64_t>(*value * unit));
}

std::string duration_text(base::Duration duration) {
  return fmt::format("{}s", duration.ms / 1000);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto value = take_number(text);
  if (!value) return std::nullopt;
  for (const auto& [unit, bytes] : kSizeUnits)
    if (text == unit) return *value <= INT64_MAX / bytes ? std::optional(*value * bytes) : std::nullopt;
  return std::nullopt;
}

std::string size_text(std::uint64_t bytes) {
  for (const auto& [unit, unit_bytes] : kSizeUnits)
    if (bytes % unit_bytes == 0 && bytes != 0) return fmt::format("{}{}", bytes / unit_bytes, unit);
  return "0B";
}

std::optional<base::WallTime> parse_moment(std::string_view text) {
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
  return base::WallTime{(minutes * 60 + *second) * 1000 + milliseconds};
}

std::string moment_text(base::WallTime moment) {
  using std::chrono::days;
  const std::int64_t ms_per_day = 86'400'000;
  std::int64_t day = moment.unix_ms / ms_per_day;
  std::int64_t ms = moment.unix_ms % ms_per_day;
  if (ms < 0) {
    ms += ms_per_day;
    --day;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days(days(day))};
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), ms / 3'600'000,
                                ms / 60'000 % 60, ms / 1000 % 60);
  if (ms % 1000 != 0) out += fmt::format(".{:03}", ms % 1000);
  return out + "Z";
}

bool is_safe_word(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.front() == '-') return false;
  for (const char c : text) {
    const bool safe =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (!safe) return false;
  }
  return true;
}

bool is_utf8(std::string_view text) {
  while (!text.empty())
    if (!take_code_point(text)) return false;
  return true;
}

std::string printable(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  std::string out;
  while (!text.empty()) {
    std::string_view rest = text;
    const auto point = take_code_point(rest);
    const std::string_view character = text.substr(0, point ? text.size() - rest.size() : 1);
    if (out.size() + character.size() > kShownMax) return out + "...";
    out += point && !has_control(character, false) ? character : "?";
    text.remove_prefix(character.size());
  }
  return out;
}

bool has_control(std::string_view text, bool allow_lines) {
  while (!text.empty()) {
    const auto point = take_code_point(text);
    if (!point) return true;
    if (allow_lines && (*point == '\n' || *point == '\t')) continue;
    if (*point < 0x20 || (*point >= 0x7f && *point < 0xa0)) return true;
    if (*point == 0x2028 || *point == 0x2029) return true;  // line separators
    if ((*point >= 0x202a && *point <= 0x202e) || (*point >= 0x2066 && *point <= 0x2069)) return true;  // directions
  }
  return false;
}

}  // namespace framemill::jobs
