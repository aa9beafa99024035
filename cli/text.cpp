#include "cli/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace framemill::cli {
namespace {

struct CodeRange {
  char32_t first, last;
};

// Enough of Unicode 15's EastAsianWidth (W and F) and Mn/Me/Cf for names and paths; a miss costs a crooked column.
constexpr std::array kWide = std::to_array<CodeRange>({{0x1100, 0x115F},
                                                       {0x2E80, 0x303E},
                                                       {0x3041, 0x33FF},
                                                       {0x3400, 0x4DBF},
                                                       {0x4E00, 0x9FFF},
                                                       {0xA000, 0xA4CF},
                                                       {0xA960, 0xA97F},
                                                       {0xAC00, 0xD7A3},
                                                       {0xF900, 0xFAFF},
                                                       {0xFE30, 0xFE6F},
                                                       {0xFF00, 0xFF60},
                                                       {0xFFE0, 0xFFE6},
                                                       {0x1F300, 0x1F64F},
                                                       {0x1F680, 0x1F6FF},
                                                       {0x1F900, 0x1F9FF},
                                                       {0x20000, 0x3FFFD}});
constexpr std::array kZeroWidth = std::to_array<CodeRange>({{0x0300, 0x036F},
                                                            {0x0483, 0x0489},
                                                            {0x0591, 0x05BD},
                                                            {0x0610, 0x061A},
                                                            {0x064B, 0x065F},
                                                            {0x1AB0, 0x1AFF},
                                                            {0x1DC0, 0x1DFF},
                                                            {0x200B, 0x200F},
                                                            {0x20D0, 0x20FF},
                                                            {0x2060, 0x2064},
                                                            {0xFE00, 0xFE0F},
                                                            {0xFE20, 0xFE2F}});
constexpr std::array kDirection = std::to_array<CodeRange>({{0x202A, 0x202E}, {0x2066, 0x2069}});

template <std::size_t N>
bool within(const std::array<CodeRange, N>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(), [&](CodeRange r) { return code >= r.first && code <= r.last; });
}

std::size_t width_of(char32_t code) {
  if (code < 0x300) return 1;
  if (within(kZeroWidth, code)) return 0;
  return within(kWide, code) ? 2 : 1;
}

// Bytes of the colour escape ("\x1b[...m") at the start of the text; 0 when there is none.
std::size_t escape_bytes(std::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  const std::size_t end = text.find('m');
  return end == std::string_view::npos ? 0 : end + 1;
}

}  // namespace

Character next_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xF0 && lead < 0xF5   ? 4
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                                                           : 0;
  if (length == 0 || text.size() < length) return {};
  char32_t code = lead & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length, true};
}

bool is_harmful(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || within(kDirection, code);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    if (const std::size_t skip = escape_bytes(text)) {
      text.remove_prefix(skip);
      continue;
    }
    const Character next = next_character(text);
    width += width_of(next.code);
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
    if (used + width_of(next.code) > width - 1) break;
    used += width_of(next.code);
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
  const std::string text(rfc3339.substr(0, 40));
  std::tm parts{};
  int ms = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &ms) != 7)
    return 0;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<std::int64_t>(timegm(&parts)) * 1000 + ms;
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
  std::int64_t unit = 1000;
  if (text.ends_with('m')) unit = 60 * 1000;
  if (text.ends_with('h')) unit = 3600 * 1000;
  if (!text.empty() && std::string_view("smh").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr std::int64_t kYear = std::int64_t{366} * 24 * 3600 * 1000;
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > kYear / unit)
    return std::nullopt;
  return number * unit;
}

std::string counted(std::int64_t count, std::string_view singular) {
  return fmt::format("{} {}{}", count, singular, count == 1 ? "" : "s");
}

}  // namespace framemill::cli
