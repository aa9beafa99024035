// What the format is; that both writers and readers of keys keep to it is in tests/net/curve_keys_test.cpp and
// tests/cli/keys_test.cpp.
#include "base/key_files.h"

#include <catch2/catch.hpp>

namespace framemill::base {
namespace {

// The client's public key of rfc.zeromq.org/spec/32.
constexpr KeyBytes kKey{0xBB, 0x88, 0x47, 0x1D, 0x65, 0xE2, 0x65, 0x9B, 0x30, 0xC5, 0x5A, 0x53, 0x21, 0xCE, 0xBB, 0x5A,
                        0xAB, 0x2B, 0x70, 0xA3, 0x98, 0x64, 0x5C, 0x26, 0xDC, 0xA2, 0xB2, 0xFC, 0xB4, 0x3F, 0xC5, 0x18};
constexpr std::string_view kText = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";

TEST_CASE("a key is written as the forty characters of the Z85 specification, and read from them") {
  CHECK(z85(kKey) == kText);
  CHECK(key_from_z85(kText) == kKey);
  KeyBytes ones;
  ones.fill(0xFF);
  CHECK(key_from_z85(z85(ones)) == ones);
  CHECK(key_from_z85(z85(KeyBytes{})) == KeyBytes{});
}

TEST_CASE("a text that is not forty characters of Z85 is not a key") {
  std::string too_large(kText);
  too_large.replace(0, 5, "#####");  // 85^5 - 1, beyond 32 bits
  for (const std::string& bad : {std::string(), std::string(kText.substr(1)), std::string(kText) + "0", too_large,
                                 std::string(40, '"'), std::string(40, '\0'), std::string(40, '\xff')}) {
    CAPTURE(bad);
    CHECK_FALSE(key_from_z85(bad).has_value());
  }
}

TEST_CASE("lines of public keys are read as they are written, between comments and empty lines") {
  CHECK(public_key_line(kKey, "") == "framemill-curve-public-1 " + std::string(kText) + "\n");
  CHECK(public_key_line(kKey, "render 01") == "framemill-curve-public-1 " + std::string(kText) + " render 01\n");
  const auto keys =
      parse_public_keys("# ours\n\n  " + public_key_line(kKey, "render 01") + public_key_line({}, ""), "f");
  REQUIRE(keys.ok());
  REQUIRE(keys->size() == 2);
  CHECK(keys->at(0).key == kKey);
  CHECK(keys->at(0).name == "render 01");
  CHECK(keys->at(1).key == KeyBytes{});
  const auto bad = [&](const std::string& text) { return parse_public_keys(text, "f").error().message; };
  CHECK(bad("x\n") == "f, line 1: not a public key line");
  CHECK(bad(public_key_line(kKey, "") + "framemill-curve-public-1 short\n") ==
        "f, line 2: a public key is 40 characters of Z85");
  CHECK(bad(public_key_line(kKey, "") + public_key_line(kKey, "b")) == "f, line 2: the same key as in line 1");
}

}  // namespace
}  // namespace framemill::base
