#include "cli/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/rfc3339.h"
#include "base/unicode.h"
#include "base/units.h"

namespace framemill::cli {
namespace {

// Bytes of the colour escape ("\x1b[...m") at the start of the text; 0 when there is none.
std::size_t escape_bytes(std::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  const std::size_t end = text.find('m');
  return end == std::string_view::npos ? 0 : end + 1;
}

}  // namespace

Character next_character(std::string_view text) {
  const auto next = base::first_code_point(text);
  return next ? Character{next->value, next->bytes, true} : Character{};
}

bool is_harmful(char32_t code) {
  const bool turns = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || turns;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    if (const std::size_t skip = escape_bytes(text)) {
      text.remove_prefix(skip);
      continue;
    }
    const Character next = next_character(text);
    width += base::columns_of(next.code);
    text.remove_prefix(next.bytes);
  }
  return width;
}

std::string printable(std::string_view text, LineBreaks breaks) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character next = next_character(text);
    const bool kept_break = breaks == LineBreaks::Keep && (next.code == '\n' || next.code == '\t');
    if (next.valid && (!is_harmful(next.code) || kept_break))
      out.append(text.substr(0, next.bytes));
    else
      out.append("\xEF\xBF\xBD");
    text.remove_prefix(next.bytes);
  }
  return out;
}

std::string cut_to(std::string_view text, std::size_t width, bool utf8) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view ellipsis = utf8 ? "…" : "~";
  if (width == 0) return {};
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const Character next = next_character(text);
    if (used + base::columns_of(next.code) > width - 1) break;
    used += base::columns_of(next.code);
    out.append(text.substr(0, next.bytes));
    text.remove_prefix(next.bytes);
  }
  return out.append(ellipsis);
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width, std::size_t lines_max, bool utf8) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() + 1 < lines_max && display_width(text) > width) {
    std::size_t end = 0;  // behind the last word that fits
    for (std::size_t at = text.find(' '); at != std::string_view::npos && display_width(text.substr(0, at)) <= width;
         at = text.find(' ', at + 1))
      end = at;
    if (end == 0) break;  // one word that is too long
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (!text.empty() && lines_max > 0) lines.push_back(cut_to(text, width, utf8));
  return lines;
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t own = display_width(text);
  return std::string(text) + std::string(width > own ? width - own : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t own = display_width(text);
  return std::string(width > own ? width - own : 0, ' ') + std::string(text);
}

std::string clock_text(std::int64_t ms) {
  const std::int64_t s = std::max<std::int64_t>(ms, 0) / 1000;
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string roughly(std::int64_t ms) {
  constexpr std::int64_t kLongestMs =
      std::int64_t{1000} * 366 * 24 * 3600 * 1000;  // a thousand years: no overflow below
  const std::int64_t s = std::max<std::int64_t>((std::clamp<std::int64_t>(ms, 0, kLongestMs) + 500) / 1000, 1);
  if (s < 90) return fmt::format("about {} s", s);
  if (s < 90 * 60) return fmt::format("about {} min", (s + 30) / 60);
  if (s < 48 * 3600) return fmt::format("about {} h", (s + 1800) / 3600);
  return fmt::format("about {} days", (s + 43200) / 86400);
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  static constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::int64_t unix_ms_of(std::string_view rfc3339) {
  return base::parse_rfc3339(rfc3339).value_or(base::WallTime{}).unix_ms;
}

std::string age_text(std::string_view rfc3339, std::int64_t now_unix_ms) {
  const std::int64_t then = unix_ms_of(rfc3339);
  if (then == 0) return {};
  const std::int64_t s = std::max<std::int64_t>(now_unix_ms - then, 0) / 1000;
  if (s < 60) return fmt::format("{} s ago", s);
  if (s < 3600) return fmt::format("{} min ago", s / 60);
  if (s < 48 * 3600) return fmt::format("{} h ago", s / 3600);
  return fmt::format("{} days ago", s / 86400);
}

std::optional<std::int64_t> duration_ms(std::string_view text) {
  const bool has_unit = text.empty() || text.back() < '0' || text.back() > '9';
  const auto duration = base::parse_duration(has_unit ? std::string(text) : fmt::format("{}s", text));
  constexpr base::Duration kYear = base::seconds(366 * 24 * 3600);
  return duration && *duration <= kYear ? std::optional(duration->ms) : std::nullopt;
}

std::string counted(std::int64_t count, std::string_view singular) {
  return fmt::format("{} {}{}", count, singular, count == 1 ? "" : "s");
}

}  // namespace framemill::cli
