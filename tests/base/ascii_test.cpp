#include "base/ascii.h"

#include <catch2/catch.hpp>

namespace framemill::base {
namespace {

TEST_CASE("capital letters of ASCII become small ones, and nothing else changes") {
  CHECK(ascii_lower("Content-TYPE") == "content-type");
  CHECK(ascii_lower("@AZ[`az{09") == "@az[`az{09");
  CHECK(ascii_lower("\u00c9XR \xff") == "\u00c9xr \xff");
  CHECK(ascii_lower("").empty());
}

}  // namespace
}  // namespace framemill::base
