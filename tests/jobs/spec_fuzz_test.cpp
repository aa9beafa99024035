// Specs spoilt at random: whatever comes out is a spec or errors that a person can read, never a crash.
#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <random>

#include "base/text.h"
#include "config/text_rules.h"
#include "jobs/spec.h"

namespace framemill::jobs {
namespace {

const std::string kToml = R"(api = "framemill/v1"
name = "first look" # a comment
show = "harbor"
shot = "hb_0010"
deadline = 2026-12-24T18:00:00+01:00
tags = ["tests", 'night', """long
string"""]

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "snowy hills at dusk, red boat"
frames = "1001-1016"
variants = [1, 2, 9223372036854775807]
guidance = 1.5
needs = {device = "any", device_memory = "8GiB", cpus = 2}

[[layer]]
name = "cut"
kind = "encode"
input = [{layer = "boards", variant = 1, frames = "1001-1010"}]

[[layer]]
name = "grade"
kind = "command"
argv = ["oiiotool", "{input}", "-o", "{output}"]
input = [{layer = "boards"}]
frames = "1-10x3,20"
timeout = "5m"
)";
const std::string kJson =
    R"({"api": "framemill/v1", "name": "first look", "show": "harbor", "shot": "hb_0010", "tags": ["a", "b\u00e9"],
 "layer": [{"name": "boards", "kind": "generate", "model": "demo-clips@1", "prompt": "snowy hills",
  "frames": "1001-1016", "variants": [1, 2], "guidance": 1.5e0, "needs": {"device": "any", "cpus": 2}},
  {"name": "cut", "kind": "encode", "input": [{"layer": "boards", "frames": "1001-1010"}]}]})";

class Spoiler {
 public:
  explicit Spoiler(std::uint64_t seed) : random_(seed) {}

  std::string spoil(std::string text) {
    for (std::size_t count = 1 + pick(4); count > 0; --count) change(text);
    return text;
  }
  std::size_t pick(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

 private:
  void change(std::string& text) {
    static const auto kPieces = std::to_array<std::string_view>({"\"",
                                                                 "'",
                                                                 "[",
                                                                 "]",
                                                                 "{",
                                                                 "}",
                                                                 "=",
                                                                 ":",
                                                                 ",",
                                                                 "#",
                                                                 "\n",
                                                                 "\r\n",
                                                                 "\\",
                                                                 " ",
                                                                 ".",
                                                                 "-",
                                                                 "0",
                                                                 "9999999999999999999",
                                                                 "1e999",
                                                                 "\"\"\"",
                                                                 "'''",
                                                                 "[[layer]]",
                                                                 "[layer]",
                                                                 "true",
                                                                 "null",
                                                                 "\u00A0",
                                                                 "\u200B",
                                                                 "\u201C",
                                                                 "\u201D",
                                                                 "\u2019",
                                                                 "\uFEFF",
                                                                 "\U0001F6A4",
                                                                 "e\u0301",
                                                                 "\xff",
                                                                 "\xc3",
                                                                 "\xe2\x80",
                                                                 std::string_view("\0", 1),
                                                                 "\x1b[2J",
                                                                 "{{",
                                                                 "}}",
                                                                 "{frame}",
                                                                 "//",
                                                                 "/*",
                                                                 "`",
                                                                 "\u202E",
                                                                 "1001-1100",
                                                                 "5m",
                                                                 "\u3000",
                                                                 "\\u0000",
                                                                 "\\ud800"});
    const std::size_t at = pick(text.size() + 1);
    switch (pick(6)) {
      case 0:
        text.erase(at, 1 + pick(3));
        break;
      case 1:
        text.erase(at, pick(40));
        break;
      case 2:
        text.insert(at, text.substr(pick(text.size() + 1), pick(60)));
        break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(random_());
        break;
      default:
        text.insert(at, kPieces[pick(kPieces.size())]);
    }
  }

  std::mt19937_64 random_;
};

// Checks of every outcome; false with the reason in `fault`.
bool is_sound(const ParsedSpec& parsed, std::string& fault) {
  if (parsed.spec.has_value() != parsed.errors.empty()) return fault = "neither a spec nor errors", false;
  if (parsed.errors.size() > 100) return fault = "more than a hundred errors", false;
  for (const SpecError& error : parsed.errors) {
    if (error.code.empty() || error.message.empty()) return fault = "an error without code or message", false;
    for (const std::string& text : {error.code, error.field, error.message, error.expected, error.suggestion}) {
      if (!base::is_utf8(text)) return fault = "not UTF-8: " + error.code, false;
      if (text.size() > 2'000) return fault = "a message without an end: " + error.code, false;
    }
    if (error.message.find('\x1b') != std::string::npos) return fault = "an escape sequence", false;
    if (error.line && (*error.line == 0 || error.column.value_or(0) == 0)) return fault = "no such place", false;
  }
  boost::system::error_code failure;
  boost::json::parse(errors_json(parsed.errors), failure);
  if (failure) return fault = "errors that are not JSON", false;
  if (!parsed.spec) return true;
  const ParsedSpec again = parse_spec(canonical_json(*parsed.spec), SpecFormat::Json);
  return again.spec == parsed.spec ? true : (fault = "the stored form differs", false);
}

std::size_t spoil_and_check(std::uint64_t seed, int rounds) {
  Spoiler spoiler(seed);
  std::size_t good = 0;
  for (int i = 0; i < rounds; ++i) {
    const bool is_json = spoiler.pick(2) == 0;
    const std::string text = spoiler.spoil(is_json ? kJson : kToml);
    SpecOverrides overrides;
    if (spoiler.pick(4) == 0) overrides.emplace_back("layer.boards.prompt", spoiler.spoil("night"));
    if (spoiler.pick(4) == 0)
      overrides.emplace_back(spoiler.spoil("layer.boards.needs.cpus"), spoiler.spoil("[1, {a = 2}]"));
    const ParsedSpec parsed = parse_spec(text, spoiler.pick(8) == 0 ? SpecFormat::Json : SpecFormat::Detect, overrides);
    std::string fault;
    if (!is_sound(parsed, fault)) {
      INFO(fault << "\nseed " << seed << ", round " << i << "\n" << text);
      for (const auto& [key, value] : overrides) UNSCOPED_INFO("--set " << key << "=" << value);
      REQUIRE(fault.empty());
    }
    good += parsed.spec ? 1 : 0;
  }
  return good;
}

TEST_CASE("a mutated spec gives readable errors or a spec, never a crash") {
  const std::size_t good = spoil_and_check(20261130, 6'000);
  CHECK(good > 10);  // the spoiling leaves some legal
  CHECK(good < 5'000);
}

TEST_CASE("mutated specs of this minute's seed, a million of them", "[.soak]") {
  spoil_and_check(std::random_device()(), 1'000'000);
}

TEST_CASE("texts made to be slow are read in bounded time") {
  // Each fills the limit with what the mending reads most often; together they take a moment.
  const auto filled = [](std::string_view piece, std::string_view head) {
    std::string text(head);
    while (text.size() + piece.size() < 256 * 1024) text += piece;
    return text;
  };
  for (const std::string& text :
       {filled("a,", "x = ["), filled("1-2,", "x = ["), filled("\u200B", "x = "), filled("{a=", "x = "),
        filled("[", "x = "), filled("\u201C", "x = "), filled("x = 1-1\n", ""), filled("\"a\":1-1,", "{"),
        filled("{\"a\":", ""), filled("-1e5,", "x = [ z,"), filled("'", "x = "), filled("\u00e9", "x = [\"")}) {
    const ParsedSpec parsed = parse_spec(text);
    CHECK_FALSE(parsed.errors.empty());
    std::string fault;
    INFO(text.substr(0, 40));
    CHECK(is_sound(parsed, fault));
    CHECK(fault.empty());
  }
}

}  // namespace
}  // namespace framemill::jobs
