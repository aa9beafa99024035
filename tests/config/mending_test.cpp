#include "config/mending.h"

#include <catch2/catch.hpp>

#include "config/text_rules.h"

namespace framemill::config {
namespace {

TEST_CASE("a mended text has its places in the original one") {
  const std::string text = "a = x\nb = \u201Cy\u201D c\n";
  const std::vector<Mend> mends = find_mends(text, Language::Toml);
  REQUIRE(mends.size() == 2);
  CHECK(mended(text, mends) == "a = \"x\"\nb = \"y\" c\n");
  CHECK(original_offset(mends, 0) == 0);
  CHECK(original_offset(mends, 4) == 4);
  CHECK(original_offset(mends, 6) == 4);
  CHECK(original_offset(mends, 7) == 5);
  CHECK(original_offset(mends, mended(text, mends).size()) == text.size());
}

TEST_CASE("a text is quoted in messages without what could harm a terminal") {
  CHECK(printable("a\x1b[0m\xff\u00e9") == "a<U+001B>[0m?\u00e9");
  CHECK(printable(std::string(200, 'x')).size() == 83);
}

}  // namespace
}  // namespace framemill::config
