#include "cli/text.h"

#include "cli/json_writer.h"

#include <catch2/catch.hpp>

namespace framemill::cli {

TEST_CASE("the width of a text counts columns, not bytes") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("häfen") == 5);
  CHECK(display_width("港") == 2);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("\x1b[31mred\x1b[0m") == 3);
  CHECK(display_width("\U0001F680\u200D") == 2);
  CHECK(display_width("\u0E01\u0E31\u2028\uFFFD") == 2);
}

TEST_CASE("a text is cut by columns and says so") {
  CHECK(cut_to("harbor at dusk", 8) == "harbor …");
  CHECK(cut_to("harbor at dusk", 8, false) == "harbor ~");
  CHECK(cut_to("港港港", 4) == "港…");
  CHECK(cut_to("short", 5) == "short");
  CHECK(cut_to("short", 0).empty());
}

TEST_CASE("control characters, escapes and direction marks do not reach a terminal") {
  CHECK(printable("a\x1b[2Jb") == "a\uFFFD[2Jb");
  CHECK(printable("x\u202Egpj.exe") == "x\uFFFDgpj.exe");
  CHECK(printable("a\nb\tc", LineBreaks::Keep) == "a\nb\tc");
  CHECK(printable("a\nb") == "a\uFFFDb");
  CHECK(printable("\xC2\x9Bm") == "\uFFFDm");
  CHECK(printable("\xC0\xAF\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("printed JSON is valid and harmless whatever the strings hold, and reads back as it was") {
  const boost::json::value value{{"name", "a\x1b]0;x\x07\u202Eb\xC2\x9Bm\x7F\n\"\\ \u00E9"},
                                 {"list", {1, 2.5, true, nullptr}},
                                 {"none", boost::json::array{}}};
  for (const std::string& text : {json_line(value), json_document(value)}) {
    CHECK(boost::json::parse(text) == value);
    for (const unsigned char c : text) CHECK((c >= 0x20 || c == '\n'));
    CHECK(text.find("\xC2\x9B") == std::string::npos);
    CHECK(text.find("\u202E") == std::string::npos);
    CHECK(text.find("\u00E9") != std::string::npos);
  }
  CHECK(json_line(value).find('\n') == std::string::npos);
  CHECK(json_line(boost::json::string("\xff\xfe")) == "\"\uFFFD\uFFFD\"");
}

TEST_CASE("a sentence is wrapped between words, and cut only in its last line") {
  CHECK(wrapped("one two three", 7, 3) == std::vector<std::string>{"one two", "three"});
  CHECK(wrapped("one two three four", 9, 2) == std::vector<std::string>{"one two", "three fo\u2026"});
  CHECK(wrapped("unbreakable", 5, 3) == std::vector<std::string>{"unbr\u2026"});
  CHECK(wrapped("", 5, 3).empty());
}

TEST_CASE("times and sizes read as people write them") {
  CHECK(clock_text(7'400) == "0:07");
  CHECK(clock_text(190'000) == "3:10");
  CHECK(clock_text(3'729'000) == "1:02:09");
  CHECK(roughly(300) == "about 1 s");
  CHECK(roughly(89'000) == "about 89 s");
  CHECK(roughly(130'000) == "about 2 min");
  CHECK(bytes_text(512) == "512 B");
  CHECK(bytes_text(1'500'000) == "1.4 MiB");
  CHECK(unix_ms_of("1970-01-02T00:00:01.500Z") == 86'401'500);
  CHECK(unix_ms_of("yesterday") == 0);
  CHECK(age_text("1970-01-01T00:00:00.100Z", 200'000) == "3 min ago");
}

TEST_CASE("a duration has a number and a unit") {
  CHECK(duration_ms("90s") == 90'000);
  CHECK(duration_ms("5m") == 300'000);
  CHECK(duration_ms("2h") == 7'200'000);
  CHECK(duration_ms("15") == 15'000);
  for (const char* wrong : {"", "s", "-1s", "5d", "1.5h", "99999999999999999999s", "9999999h", "5 m"})
    CHECK(!duration_ms(wrong));
}

}  // namespace framemill::cli
