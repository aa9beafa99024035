#include "base/unicode.h"

#include <catch2/catch.hpp>

namespace framemill::base {
namespace {

TEST_CASE("blanks, line breaks, dashes, quotes, emoji and invisible characters are distinguished") {
  for (const char32_t blank : {U' ', U'\t', U'\u00A0', U'\u2009', U'\u202F', U'\u3000'})
    CHECK(class_of(blank) == CharacterClass::Space);
  for (const char32_t line : {U'\n', U'\r', U'\v', U'\u0085', U'\u2028', U'\u2029'})
    CHECK(class_of(line) == CharacterClass::LineBreak);
  for (const char32_t mark : {U'-', U'\u2014', U'\u201C', U'\u2026', U'\uFF0C', U'\u3002', U'+', U'\u2212'})
    CHECK(class_of(mark) == CharacterClass::Punctuation);
  for (const char32_t unseen : {U'\u200B', U'\u200D', U'\u00AD', U'\uFEFF', U'\u202E', U'\u2060', U'\uFE0F', U'\u3164'})
    CHECK(class_of(unseen) == CharacterClass::Invisible);
  for (const char32_t letter : {U'a', U'7', U'\u00FC', U'\u0430', U'\u591C', U'\u0301', U'\uFF21'})
    CHECK(class_of(letter) == CharacterClass::Word);
  CHECK(class_of(U'\x1B') == CharacterClass::Control);
  CHECK(class_of(U'\U0001F6A4') == CharacterClass::Symbol);
  CHECK(class_of(U'\uE000') == CharacterClass::Other);
}

TEST_CASE("a character that cannot be seen is found with its place, and named") {
  CHECK_FALSE(first_hidden("plain words, gr\u00FCn"));
  const auto space = first_hidden("bo\u200Bards");
  REQUIRE(space);
  CHECK(space->offset == 2);
  CHECK(code_point_name(space->code_point) == "U+200B (zero width space)");
  CHECK(first_hidden("a\u00A0b"));
  CHECK(first_hidden("\uFEFFname"));
  CHECK(first_hidden("a\uFE0F"));
  CHECK(first_hidden("\xff\u202E")->offset == 1);
  CHECK(code_point_name(0x1B) == "U+001B (control character)");
  CHECK(code_point_name(0x456) == "U+0456");
}

TEST_CASE("joiners and selectors that shape the characters beside them are not hidden") {
  CHECK_FALSE(first_hidden("\U0001F469\u200D\U0001F680 test"));
  CHECK_FALSE(first_hidden("\u2708\uFE0F"));
  CHECK_FALSE(first_hidden("\u0645\u06CC\u200C\u062E\u0648"));
  CHECK(first_hidden("a\u200Db"));
}

TEST_CASE("folding makes words equal that differ in case, width or composition") {
  CHECK(folded("HILLS") == "hills");
  CHECK(folded("\uFF2Eight") == "night");
  CHECK(folded("\uFB01eld") == "field");
  CHECK(folded("Stra\u00DFe") == "strasse");
  CHECK(folded("u\u0308") == "\u00FC");
  CHECK(folded("hi\u00ADlls") == "hills");
  CHECK(folded("").empty());
}

TEST_CASE("white space, graphemes and normal forms are Unicode's") {
  for (const char32_t c : {U'\t', U' ', U'\n', U'\u0085', U'\u00A0', U'\u2003', U'\u2028', U'\u3000'})
    CHECK(is_white_space(c));
  for (const char32_t c : {U'a', U'\u200B', U'\uFEFF', U'\x1C'}) CHECK_FALSE(is_white_space(c));
  CHECK(grapheme_length("e\u0301x") == 3);
  CHECK(grapheme_length("\r\nx") == 2);
  CHECK(grapheme_length("\U0001F468\u200D\U0001F469x") == 11);
  CHECK(grapheme_length("\xFF\u0301") == 1);
  CHECK(grapheme_length("") == 0);
  CHECK(composed("e\u0301 \uFF21 \uFB01") == "\u00E9 \uFF21 \uFB01");
  CHECK(compatible("\uFF21 \uFB01 \u2460") == "A fi 1");
}

}  // namespace
}  // namespace framemill::base
