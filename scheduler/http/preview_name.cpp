#include <algorithm>
#include <array>
#include <charconv>

#include "scheduler/http/preview_port.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kDigestDigits = 64, kNameBytesMax = 250;
constexpr int kTileMax = 256, kColumnsMax = 16;
constexpr std::string_view kEnding = ".jpg";

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// Exactly so many parts.
template <std::size_t kParts>
std::optional<std::array<std::string_view, kParts>> split(std::string_view text, char at) {
  std::array<std::string_view, kParts> parts;
  for (std::size_t i = 0; i + 1 < kParts; ++i) {
    const std::size_t end = text.find(at);
    if (end == text.npos) return std::nullopt;
    parts[i] = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  if (text.find(at) != text.npos) return std::nullopt;
  parts.back() = text;
  return parts;
}

}  // namespace

std::optional<PreviewStrip> read_strip_name(std::string_view name) {
  if (name.size() > kNameBytesMax || !name.ends_with(kEnding)) return std::nullopt;
  const auto parts = split<6>(name.substr(0, name.size() - kEnding.size()), '_');
  if (!parts || (*parts)[0] != "strip") return std::nullopt;
  PreviewStrip strip;
  strip.name = name;
  const auto attempt = AttemptId::parse((*parts)[3]);
  const auto shape = split<3>((*parts)[4], 'x');
  auto frames = jobs::FrameSet::parse((*parts)[5]);
  if (!read_number((*parts)[1], strip.phase) || !read_number((*parts)[2], strip.task) || !attempt || !shape ||
      !frames.ok() || frames->empty() || frames->text() != (*parts)[5])
    return std::nullopt;
  if (!read_number((*shape)[0], strip.tile_width) || !read_number((*shape)[1], strip.tile_height) ||
      !read_number((*shape)[2], strip.columns))
    return std::nullopt;
  const auto within = [](int value, int most) { return value >= 1 && value <= most; };
  if (!within(strip.tile_width, kTileMax) || !within(strip.tile_height, kTileMax) ||
      !within(strip.columns, kColumnsMax))
    return std::nullopt;
  strip.attempt = *attempt;
  strip.frames = *std::move(frames);
  return strip;
}

bool is_preview_name(std::string_view name) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (name.size() == kDigestDigits + kEnding.size() && name.ends_with(kEnding) &&
      std::all_of(name.begin(), name.begin() + kDigestDigits, is_digit))
    return true;
  return read_strip_name(name).has_value();
}

}  // namespace framemill::scheduler
