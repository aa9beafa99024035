#include "jobs/spec_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/unicode.h"

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

// "5 Min" to "5" and "min"; nothing where the text is not a whole number with a word behind it.
std::pair<std::string, std::string> number_and_unit(std::string_view text) {
  const std::string plain = text.size() > 32 ? std::string() : base::folded(text);
  const std::size_t digits = std::min(plain.find_first_not_of("0123456789"), plain.size());
  const std::size_t unit = std::min(plain.find_first_not_of(' ', digits), plain.size());
  std::string word = plain.substr(unit);
  while (word.ends_with(' ') || word.ends_with('.')) word.pop_back();
  return digits == 0 ? std::pair<std::string, std::string>() : std::pair(plain.substr(0, digits), std::move(word));
}

bool is_forbidden(char32_t code_point, TextRule rule) {
  const base::CharacterClass kind = base::class_of(code_point);
  if (kind == base::CharacterClass::Control) return true;
  if (rule == TextRule::Prose || (rule == TextRule::Argument && code_point == '\n')) return false;
  return kind == base::CharacterClass::LineBreak || (code_point == '\t' && rule != TextRule::Argument);
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

std::string duration_meant(std::string_view text) {
  const auto [number, unit] = number_and_unit(text);
  if (number.empty()) return {};
  if (unit.empty()) return fmt::format("write {0}s, or {0}m for minutes", number);
  for (const std::string_view word : {"s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes",
                                      "h", "hr", "hrs", "hour", "hours"})
    if (unit == word) return fmt::format("write {}{}", number, word.front());
  if (unit == "d" || unit == "day" || unit == "days") return "write days in hours: 24h";
  return {};
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

std::string size_meant(std::string_view text) {
  const auto [number, unit] = number_and_unit(text);
  if (number.empty()) return {};
  if (unit.empty()) return fmt::format("write {}MiB, or another unit", number);
  for (const auto& [name, bytes] : kSizeUnits) {
    const std::string letter(1, static_cast<char>(name.front() | 0x20));
    if (unit == letter || unit == letter + "b" || unit == letter + "ib") return fmt::format("write {}{}", number, name);
  }
  return {};
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
  while (!text.empty()) {
    const auto next = base::first_code_point(text);
    if (!next) return false;
    text.remove_prefix(next->bytes);
  }
  return true;
}

std::optional<std::string> forbidden_character(std::string_view text, TextRule rule) {
  const auto hidden = rule == TextRule::Prose ? std::nullopt : base::first_hidden(text);
  const std::size_t end = hidden ? hidden->offset : text.size();
  for (std::size_t at = 0; at < end;) {
    const auto next = base::first_code_point(text.substr(at));
    if (next && is_forbidden(next->value, rule)) return base::code_point_name(next->value);
    at += next ? next->bytes : 1;
  }
  return hidden ? std::optional(base::code_point_name(hidden->code_point)) : std::nullopt;
}

std::string why_unsafe(std::string_view text) {
  if (text.empty()) return "it is empty";
  if (text.size() > 64) return fmt::format("it has {} bytes", text.size());
  if (text.front() == '.' || text.front() == '-') return fmt::format("it begins with \"{}\"", text.front());
  while (!text.empty()) {
    const auto next = base::first_code_point(text);
    if (!next) break;
    const std::string_view character = text.substr(0, next->bytes);
    if (character == " ") return "it holds a space";
    if (!is_safe_word(fmt::format("a{}", character)))
      return next->value < 0x80 ? fmt::format("it holds \"{}\"", character)
                                : fmt::format("it holds {}", base::code_point_name(next->value));
    text.remove_prefix(next->bytes);
  }
  return "it holds a character that is not plain ASCII";
}

std::string printable(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  std::string out;
  while (!text.empty()) {
    const auto next = base::first_code_point(text);
    std::string character(next ? text.substr(0, next->bytes) : "?");
    if (next && forbidden_character(character, TextRule::Line))
      character = fmt::format("<U+{:04X}>", static_cast<std::uint32_t>(next->value));
    if (out.size() + character.size() > kShownMax) return out + "...";
    out += character;
    text.remove_prefix(next ? next->bytes : 1);
  }
  return out;
}

}  // namespace framemill::jobs
