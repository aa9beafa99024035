#include "base/relative_path.h"

#include <catch2/catch.hpp>

namespace framemill::base {
namespace {

using namespace std::string_literals;

TEST_CASE("a relative path is safe exactly where it cannot leave its directory or surprise a file system") {
  const std::optional<PathFlaw> safe;
  struct Case {
    std::string path;
    std::optional<PathFlaw> flaw;
  };
  std::string deep = "a";
  while (deep.size() + 2 <= kRelativePathBytesMax) deep += "/a";
  deep += std::string(kRelativePathBytesMax - deep.size(), 'a');  // exactly the limit
  const std::vector<Case> cases{
      {"a", safe},
      {"a/b.c/d_e-f g", safe},
      {"\u00e9t\u00e9/\u6d77", safe},
      {".hidden/a", safe},
      {"%04d", safe},
      // Dots that are not a whole name.
      {"a.", safe},
      {"a../b", safe},
      {"..a", safe},
      {"...", safe},
      {"a/.../b", safe},
      {"", PathFlaw::Empty},
      {"/", PathFlaw::Absolute},
      {"/a", PathFlaw::Absolute},
      {"//a", PathFlaw::Absolute},
      {"a/", PathFlaw::EmptyPart},
      {"a//b", PathFlaw::EmptyPart},
      {".", PathFlaw::DotPart},
      {"./a", PathFlaw::DotPart},
      {"a/./b", PathFlaw::DotPart},
      {"a/.", PathFlaw::DotPart},
      {"..", PathFlaw::ParentPart},
      {"../a", PathFlaw::ParentPart},
      {"a/../b", PathFlaw::ParentPart},
      {"a/..", PathFlaw::ParentPart},
      {"a\\b", PathFlaw::Backslash},
      {"..\\a", PathFlaw::Backslash},
      {"a\0b"s, PathFlaw::ControlCharacter},
      {"\0"s, PathFlaw::ControlCharacter},
      {"a\tb", PathFlaw::ControlCharacter},
      {"a\nb", PathFlaw::ControlCharacter},
      {"a\x7f", PathFlaw::ControlCharacter},
      {"a\xff", PathFlaw::NotUtf8},
      {"a/\xc0\xae\xc0\xae/b", PathFlaw::NotUtf8},  // ".." in an overlong form
      {"\xed\xa0\x80", PathFlaw::NotUtf8},          // half of a surrogate pair
      {std::string(255, 'a'), safe},
      {std::string(256, 'a'), PathFlaw::LongPart},
      {"a/" + std::string(256, 'a') + "/b", PathFlaw::LongPart},
      {std::string(254, 'a') + "\u00e9", PathFlaw::LongPart},  // 255 characters, 256 bytes
      {deep, safe},
      {deep + "a", PathFlaw::TooLong},
  };
  for (const Case& each : cases) {
    CAPTURE(each.path.substr(0, 80), each.path.size());
    CHECK(path_flaw(each.path) == each.flaw);
  }
}

TEST_CASE("narrower limits of a relative path are checked and named") {
  CHECK_FALSE(path_flaw("abcd/ef", 7, 4));
  CHECK(path_flaw("abcd/efg", 7, 4) == PathFlaw::TooLong);
  CHECK(path_flaw("abcde/f", 7, 4) == PathFlaw::LongPart);
  CHECK(describe(PathFlaw::TooLong, 7, 4) == "is longer than 7 bytes");
  CHECK(describe(PathFlaw::LongPart, 7, 4) == "has a part longer than 4 bytes");
  CHECK(describe(PathFlaw::ParentPart) == "has the part \"..\"");
  CHECK(describe(PathFlaw::Absolute) == "is absolute");
}

TEST_CASE("a path is taken apart at every slash") {
  using Parts = std::vector<std::string_view>;
  CHECK(path_parts("a") == Parts{"a"});
  CHECK(path_parts("a/b/c") == Parts{"a", "b", "c"});
  CHECK(path_parts("/a//b/") == Parts{"", "a", "", "b", ""});
  CHECK(path_parts("") == Parts{""});
}

}  // namespace
}  // namespace framemill::base
