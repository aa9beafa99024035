#include "base/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/unicode.h"

namespace framemill::base {
namespace {

// Longest first: "ms" is not 'm' with something behind it.
constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kTimeUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr std::int64_t kLongestMs = 1'000'000 * std::int64_t{3'600'000};

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> kSizeUnits{
    {{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}}};

// Takes a whole number without sign off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// "5 Min" to "5" and "min"; nothing where the text is not a whole number with a word behind it.
std::pair<std::string, std::string> number_and_unit(std::string_view text) {
  const std::string plain = text.size() > 32 ? std::string() : folded(text);
  const std::size_t digits = std::min(plain.find_first_not_of("0123456789"), plain.size());
  const std::size_t unit = std::min(plain.find_first_not_of(' ', digits), plain.size());
  std::string word = plain.substr(unit);
  while (word.ends_with(' ') || word.ends_with('.')) word.pop_back();
  return digits == 0 ? std::pair<std::string, std::string>() : std::pair(plain.substr(0, digits), std::move(word));
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const auto value = take_number(text);
  if (!value) return std::nullopt;
  for (const auto& [unit, ms] : kTimeUnits)
    if (text == unit && *value <= static_cast<std::uint64_t>(kLongestMs / ms))
      return milliseconds(static_cast<std::int64_t>(*value) * ms);
  return std::nullopt;
}

std::string duration_text(Duration duration) {
  return duration.ms % 1000 == 0 ? fmt::format("{}s", duration.ms / 1000) : fmt::format("{}ms", duration.ms);
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

std::string size_meant(std::string_view text) {
  const auto [number, unit] = number_and_unit(text);
  if (number.empty()) return {};
  if (unit.empty()) return fmt::format("write {}MiB, or another unit", number);
  for (const auto& [name, bytes] : kSizeUnits) {
    const char letter = static_cast<char>(name.front() | 0x20);
    if (unit == fmt::format("{}", letter) || unit == fmt::format("{}b", letter) || unit == fmt::format("{}ib", letter))
      return fmt::format("write {}{}", number, name);
  }
  return {};
}

}  // namespace framemill::base
