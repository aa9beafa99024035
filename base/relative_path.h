// Paths that stay inside a directory whatever it is joined to: those of outputs, inputs, staged files and packages. One
// check for all who take such a path from outside; some add rules of their own (lengths, a narrower alphabet). Links are
// another matter: base/open_below.h. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace framemill::base {

inline constexpr std::size_t kRelativePathBytesMax = 4096;  // PATH_MAX of Linux
inline constexpr std::size_t kFileNameBytesMax = 255;       // NAME_MAX

enum class PathFlaw {
  Empty,
  TooLong,
  Absolute,
  NotUtf8,
  ControlCharacter,  // U+0000 to U+001F and U+007F
  Backslash,         // separates directories where the storage is a Windows server's
  EmptyPart,         // "a//b", "a/"
  DotPart,           // "./a"
  ParentPart,        // "../a"
  LongPart,
};

// What is wrong with the path; nothing where it is safe. Lengths are in bytes. Dots at the end or the beginning of a name
// ("a.", "..a", "...") are ordinary characters.
std::optional<PathFlaw> path_flaw(std::string_view path, std::size_t bytes_max = kRelativePathBytesMax,
                                  std::size_t part_bytes_max = kFileNameBytesMax);

// To follow "the path": "is absolute", "has the part \"..\"". The lengths are those that path_flaw was given.
std::string describe(PathFlaw flaw, std::size_t bytes_max = kRelativePathBytesMax,
                     std::size_t part_bytes_max = kFileNameBytesMax);

// "a/b/c" -> a, b, c. The parts point into the path.
std::vector<std::string_view> path_parts(std::string_view path);

}  // namespace framemill::base
