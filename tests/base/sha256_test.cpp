#include "base/sha256.h"

#include <catch2/catch.hpp>

using namespace framemill::base;

TEST_CASE("sha256 of the FIPS 180 example") {
  CHECK(sha256("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a running sum equals the sum of the whole") {
  Sha256Sum sum;
  sum.add("ab");
  sum.add("c");
  CHECK(sum.finish() == sha256("abc"));
}

TEST_CASE("a digest survives its hexadecimal form and nothing else is taken for one") {
  const Sha256 digest = sha256("framemill");
  CHECK(Sha256::from_hex(digest.hex()) == digest);
  CHECK_FALSE(Sha256::from_hex("ba78"));
  CHECK_FALSE(Sha256::from_hex(std::string(64, 'g')));
}
