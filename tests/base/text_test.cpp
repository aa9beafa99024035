#include "base/text.h"

#include <catch2/catch.hpp>
#include <random>

using namespace framemill::base;

TEST_CASE("UTF-8 is checked to the letter") {
  for (const char* good : {"", "a", "\u00e9", "\u20ac", "\U0001F600"}) CHECK(is_utf8(good));
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("only valid UTF-8 stays as it is", "[base][text]") {
  for (const char* good : {"", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8E\xAC", "\xF4\x8F\xBF\xBF"}) {
    CHECK(valid_utf8(good) == good);
  }
  for (const char* bad :
       {"\x80", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x9F\x8E", "\xFE"}) {
    CHECK(valid_utf8(bad) != bad);
  }
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD and the text around them stays", "[base][text]") {
  CHECK(clean_text("caf\xe9 au lait", 100) == "caf\uFFFD au lait");
  CHECK(clean_text("\xff\xfe", 100) == "\uFFFD\uFFFD");
  CHECK(clean_text("half a character \xe2\x82", 100) == "half a character \uFFFD\uFFFD");
  CHECK(clean_text("\u00e9\u20ac\U0001F600", 100) == "\u00e9\u20ac\U0001F600");
}

TEST_CASE("control characters become spaces and lines are kept where they are wanted", "[base][text]") {
  CHECK(clean_text("a\nb\tc\x01\x7f\u0085z", 100) == "a b c   z");
  CHECK(clean_text("a\nb\tc\x01", 100, Lines::Keep) == "a\nb\tc ");
  CHECK(clean_text("10 %\r20 %\r\n", 100, Lines::Keep) == "10 %\n20 %\n");
  CHECK(clean_text(std::string_view("a\0b", 3), 100) == "a b");
}

TEST_CASE("a terminal's colours are left out of a text", "[base][text]") {
  CHECK(clean_text("\x1b[1;31merror\x1b[0m: no licence", 100) == "error: no licence");
  CHECK(clean_text("\x1b[", 100) == " [");
  CHECK(clean_text("\x1b]0;title", 100) == " ]0;title");
}

TEST_CASE("a text is cut at a character", "[base][text]") {
  CHECK(clean_text("ab\u20ac", 4) == "ab");
  CHECK(clean_text("ab\u20ac", 5) == "ab\u20ac");
  CHECK(clean_text("ab\xff", 4) == "ab");
  CHECK(first_bytes("ab\u20ac", 3) == "ab");
  CHECK(first_bytes("ab\u20ac", 5) == "ab\u20ac");
  CHECK(last_bytes("\u20acab", 4) == "ab");
  CHECK(last_bytes("\u20acab", 5) == "\u20acab");
  CHECK(last_bytes("\u20acab", 0).empty());
  CHECK(first_bytes("\u20ac", 2).empty());
}

TEST_CASE("of a long output the end is kept, from a whole character on", "[base][text]") {
  CHECK(clean_tail("first\n\u20aclast\n", 5, Lines::Keep) == "last\n");
  CHECK(clean_tail("first\n\u20aclast\n", 7, Lines::Keep) == "last\n");
  CHECK(clean_tail("\xe9\xe9 end", 6) == " end");
  CHECK(clean_tail("\xe9\xe9 end", 10) == "\uFFFD\uFFFD end");
}

TEST_CASE("whatever the bytes and the limit, a cleaned text is UTF-8 within the limit", "[base][text]") {
  std::mt19937 random(20);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 3 == 0 ? 0x80 + random() % 128 : random() % 128);
    const std::size_t most = random() % 60;
    for (const Lines lines : {Lines::Join, Lines::Keep}) {
      const std::string text = clean_text(bytes, most, lines);
      CHECK(is_utf8(text));
      CHECK(text.size() <= most);
    }
    CHECK(is_utf8(valid_utf8(bytes)));
    const std::string valid = valid_utf8(bytes);
    CHECK(is_utf8(first_bytes(valid, most)));
    CHECK(is_utf8(last_bytes(valid, most)));
  }
}
