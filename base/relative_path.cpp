#include "base/relative_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace framemill::base {
namespace {

std::optional<PathFlaw> part_flaw(std::string_view part, std::size_t bytes_max) {
  if (part.empty()) return PathFlaw::EmptyPart;
  if (part == ".") return PathFlaw::DotPart;
  if (part == "..") return PathFlaw::ParentPart;
  if (part.size() > bytes_max) return PathFlaw::LongPart;
  return std::nullopt;
}

}  // namespace

std::optional<PathFlaw> path_flaw(std::string_view path, std::size_t bytes_max, std::size_t part_bytes_max) {
  if (path.empty()) return PathFlaw::Empty;
  if (path.size() > bytes_max) return PathFlaw::TooLong;
  if (path.front() == '/') return PathFlaw::Absolute;
  if (!is_utf8(path)) return PathFlaw::NotUtf8;
  if (std::any_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return PathFlaw::ControlCharacter;
  if (path.find('\\') != std::string_view::npos) return PathFlaw::Backslash;
  for (const std::string_view part : path_parts(path))
    if (const auto flaw = part_flaw(part, part_bytes_max)) return flaw;
  return std::nullopt;
}

std::string describe(PathFlaw flaw, std::size_t bytes_max, std::size_t part_bytes_max) {
  switch (flaw) {
    case PathFlaw::Empty:
      return "is empty";
    case PathFlaw::TooLong:
      return fmt::format("is longer than {} bytes", bytes_max);
    case PathFlaw::Absolute:
      return "is absolute";
    case PathFlaw::NotUtf8:
      return "is not UTF-8";
    case PathFlaw::ControlCharacter:
      return "holds a control character";
    case PathFlaw::Backslash:
      return "holds a backslash";
    case PathFlaw::EmptyPart:
      return "has an empty part";
    case PathFlaw::DotPart:
      return "has the part \".\"";
    case PathFlaw::ParentPart:
      return "has the part \"..\"";
    case PathFlaw::LongPart:
      return fmt::format("has a part longer than {} bytes", part_bytes_max);
  }
  return {};
}

std::vector<std::string_view> path_parts(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace framemill::base
