// Prompts as diffusers' Wan pipelines clean them with ftfy 6.3: tools/reference/prompts.py recorded them.
#include "models/text/clean_prompt.h"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "base/text.h"
#include "models/text/html_entities.h"

namespace framemill::models {

TEST_CASE("prompts are cleaned as ftfy and html.unescape clean them") {
  std::ifstream file(FRAMEMILL_SOURCE_DIR "/tests/models_text/reference/prompts.txt");
  int checked = 0;
  for (std::string line; std::getline(file, line); ++checked) {
    const std::size_t tab = line.find('\t');
    const std::string given(boost::json::parse(line.substr(0, tab)).as_string());
    const std::string wanted(boost::json::parse(line.substr(tab + 1)).as_string());
    INFO(line);
    CHECK(clean_prompt(given) == wanted);
  }
  CHECK(checked >= 150);
}

TEST_CASE("a cleaned prompt is clean") {
  std::ifstream file(FRAMEMILL_SOURCE_DIR "/tests/models_text/reference/prompts.txt");
  for (std::string line; std::getline(file, line);) {
    const std::string once =
        clean_prompt(std::string(boost::json::parse(line.substr(line.find('\t') + 1)).as_string()));
    INFO(line);
    CHECK(clean_prompt(once) == once);
  }
}

TEST_CASE("references of HTML are resolved as browsers do it") {
  CHECK(unescape_html("&lt;b&gt; &amp;amp; &eacute;&eacute &notit; &#233;&#xE9;&#x80;") == "<b> &amp; éé ¬it; éé€");
  CHECK(unescape_html("&NotEqualTilde;") == "\u2242\u0338");
  CHECK(unescape_html("& &; &# &#; &#x; &unknown; &unknown") == "& &; &# &#; &#x; &unknown; &unknown");
  CHECK(unescape_html("&#0;&#xD800;&#x110000;&#99999999999999999999;") == "\uFFFD\uFFFD\uFFFD\uFFFD");
  CHECK(unescape_html("&#1;&#xFFFF;") == "");
  CHECK(unescape_certain_html("&eacute &eacute; &EACUTE; &HELLIP; &Nope;") == "&eacute é É … &Nope;");
}

TEST_CASE("bytes of any kind give text that is UTF-8, without controls, with single blanks") {
  std::mt19937 random(20261201);
  const std::string_view parts[] = {"\xC3\x83",
                                    "\xC2\xA9",
                                    "\xC3\xA2\xE2\x82\xAC",
                                    "\xE2\x84\xA2",
                                    "&amp;",
                                    "&#x",
                                    ";",
                                    "\x1B[31m",
                                    " ",
                                    "\n",
                                    "\r",
                                    "<",
                                    "caf",
                                    "\xEF\xBF\xBD",
                                    "\xC2\x85",
                                    "\xFF",
                                    "\xE3\x80\x80",
                                    "\x01",
                                    "e\xCC\x81"};
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (unsigned n = random() % 24; n > 0; --n)
      text += random() % 4 == 0 ? std::string(1, static_cast<char>(random()))
                                : std::string(parts[random() % std::size(parts)]);
    const std::string clean = clean_prompt(text);
    CHECK(base::is_utf8(clean));
    CHECK(clean.find("  ") == std::string::npos);
    CHECK((clean.empty() || (clean.front() != ' ' && clean.back() != ' ')));
  }
}

}  // namespace framemill::models
