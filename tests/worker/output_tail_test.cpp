#include "worker/supervisor/output_tail.h"

#include <catch2/catch.hpp>

#include "base/text.h"

namespace framemill::worker {
namespace {

TEST_CASE("of a long output the beginning and the end are kept, and what is left out is counted") {
  OutputTail tail;
  std::size_t written = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    written += line.size();
    tail.add(line);
  }
  const std::string text = tail.text();
  CHECK(text.size() <= OutputTail::kBytesMax);
  CHECK(text.size() > OutputTail::kBytesMax - 256);
  CHECK(text.starts_with("line 0\nline 1\n"));
  CHECK(text.ends_with("line 19998\nline 19999\n"));
  CHECK(tail.last_line() == "line 19999");
  const std::size_t at = text.find("[... ");
  REQUIRE(at != std::string::npos);
  const std::size_t left_out = std::stoul(text.substr(at + 5));
  const std::size_t note = text.find("...]\n", at) + 5 - at + 1;
  CHECK(left_out + text.size() - note == written);
}

TEST_CASE("an output that fits is kept whole, in one write or in many") {
  std::string whole;
  while (whole.size() < OutputTail::kBytesMax - 300) whole += "0123456789\n";
  OutputTail at_once, in_bytes;
  at_once.add(whole);
  for (const char c : whole) in_bytes.add({&c, 1});
  CHECK(at_once.text() == whole);
  CHECK(in_bytes.text() == whole);
}

TEST_CASE("one write larger than everything that is kept leaves its beginning and its end") {
  OutputTail tail;
  tail.add("begin " + std::string(100'000, 'x') + " end");
  CHECK(tail.text().starts_with("begin xxx"));
  CHECK(tail.text().ends_with("xxx end"));
  CHECK(tail.text().size() <= OutputTail::kBytesMax);
}

TEST_CASE("whatever a program prints, its last words are UTF-8 of a bounded size") {
  OutputTail tail;
  for (int i = 0; i < 5000; ++i) tail.add(std::string("caf\xe9 \x1b[31m\0 \xe2\x82\r", 15));
  CHECK(base::is_utf8(tail.text()));
  CHECK(tail.text().size() <= OutputTail::kBytesMax);
  CHECK(base::is_utf8(tail.last_line()));
  CHECK(tail.last_line() == "caf\uFFFD   \uFFFD\uFFFD");
  OutputTail bad;
  bad.add(std::string(50'000, '\xff'));
  CHECK(base::is_utf8(bad.text()));
  CHECK(bad.text().size() <= OutputTail::kBytesMax);
}

}  // namespace
}  // namespace framemill::worker
