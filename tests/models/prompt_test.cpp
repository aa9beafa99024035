#include "models/prompt.h"

#include <catch2/catch.hpp>

#include <array>
#include <random>

#include "base/file.h"
#include "base/unicode.h"
#include "training/catalogue/scene.h"

namespace framemill::models {
namespace {

const Vocabulary& vocabulary() {
  static const Vocabulary loaded = [] {
    const auto text = base::read_file(FRAMEMILL_SOURCE_DIR "/models/demo-clips@1/vocabulary.toml", kVocabularyBytesMax);
    REQUIRE(text.ok());
    auto parsed = parse_vocabulary(*text);
    REQUIRE(parsed.ok());
    return std::move(parsed).value();
  }();
  return loaded;
}

std::string canonical(std::string_view prompt) {
  const auto condition = parse_prompt(vocabulary(), prompt);
  return condition.ok() ? prompt_from(vocabulary(), *condition) : condition.error().code;
}

TEST_CASE("a plain prompt fills the slots it names") {
  CHECK(canonical("snowy hills at dusk, red boat moving left") == "hills, dusk, snow, red boat left");
  CHECK(canonical("sea") == "sea");
  CHECK(canonical("a large blue balloon rising over a foggy forest in the morning") ==
        "forest, dawn, fog, blue large balloon up");
}

TEST_CASE("phrases mean the same in any order") {
  const std::string one = canonical("snowy hills at dusk, red boat moving left, camera panning right");
  CHECK(one == canonical("camera panning right, red boat moving left, dusk, snowy hills"));
  CHECK(one == canonical("left moving red boat, panning camera right, sunset, winter hills"));
  CHECK(one == canonical("A RED boat, moving left; snowfall. Hills, evening, pan right"));
}

TEST_CASE("adjectives bind to the next object noun and motions to the object of their phrase") {
  CHECK(canonical("red ball moving right and small blue boat moving left") == "red ball right, blue small boat left");
  CHECK(canonical("red ball, blue boat, moving left") == "red ball, blue boat left");
  CHECK(canonical("big red ball down, white bird up") == "red large ball down, white bird up");
}

TEST_CASE("synonyms are known") {
  CHECK(canonical("crimson ship on the ocean at sunset") == canonical("red boat on the sea at dusk"));
  CHECK(canonical("tiny violet vehicle in town, parked") == canonical("small purple car, still, city"));
}

TEST_CASE("balls fall, and so do snow and rain, which says nothing of an object") {
  CHECK(canonical("red ball falling") == "red ball down");
  CHECK(canonical("hills, falling snow, red ball rising") == "hills, snow, red ball up");
  CHECK(canonical("red boat in falling rain moving left") == "rain, red boat left");
  CHECK(canonical("snow is falling, red boat") == "snow, red boat");
  CHECK(canonical("snowy falling ball") == "snow, ball down");
  CHECK(canonical("dark blue boat") == "prompt.unknown_word");  // "dark" would have to mean the boat, not the night
}

TEST_CASE("an unknown word is an error that lists the nearest words") {
  const auto condition = parse_prompt(vocabulary(), "a red baloon over the sea");
  REQUIRE_FALSE(condition.ok());
  CHECK(condition.error().code == "prompt.unknown_word");
  CHECK_THAT(condition.error().message, Catch::Contains("baloon"));
  CHECK_THAT(condition.error().hint, Catch::Contains("balloon"));
  CHECK(canonical("h\xc3\xbcgel") == "prompt.unknown_word");
  const auto several = parse_prompt(vocabulary(), "dragon over a castle at dusk, red unicorn");
  REQUIRE_FALSE(several.ok());
  for (const char* word : {"dragon", "castle", "unicorn"}) CHECK_THAT(several.error().message, Catch::Contains(word));
  CHECK_THAT(several.error().message, !Catch::Contains("dusk"));
}

TEST_CASE("blanks and punctuation of any script separate the words of a prompt") {
  const std::string plain = canonical("snowy hills at dusk, red boat moving left");
  for (const char* pasted :
       {"snowy\u00A0hills at\u2009dusk, red\u202Fboat\u3000moving left",
        "snowy hills at dusk\uFF0C red boat moving left",
        "\u201Csnowy hills at dusk\u201D, red boat \u2013 moving left",
        "snowy hills at dusk\u2026 red boat moving left",
        "\u2018snowy hills\u2019 at dusk\u3001red boat moving left\u3002",
        "snowy hills at dusk\u2028red boat moving left",
        "\u2022 snowy hills at dusk\r\n\u2022 red boat\u2014moving left", "snowy hills at dusk\vred boat (moving) left",
        "\u00ABsnowy hills\u00BB at dusk; 'red' \u2039boat\u203A moving left",
        "snowy hills at dusk\u060C red boat moving left"}) {
    INFO(pasted);
    CHECK(canonical(pasted) == plain);
  }
}

TEST_CASE("invisible characters of a pasted prompt are dropped, and case and width do not matter") {
  const std::string plain = canonical("snowy hills at dusk, red boat moving left");
  for (const char* pasted :
       {"\uFEFFsnowy hills at dusk, red boat moving left", "snowy hi\u200Blls at dusk, red bo\u00ADat moving left",
        "snowy\u200B hills\u200D at \u200Edusk\u200F, red boat\uFE0F moving left",
        "\u202Asnowy hills\u202C at dusk, red boat moving \u2066left\u2069",
        "SNOWY Hills at DUSK, Red BOAT moving LEFT",
        "\uFF53\uFF4E\uFF4F\uFF57\uFF59 \uFF28\uFF29\uFF2C\uFF2C\uFF33 at dusk, red boat moving left"}) {
    INFO(pasted);
    CHECK(canonical(pasted) == plain);
  }
}

TEST_CASE("what cannot be seen in an unknown word is named by its code point") {
  const auto message = [](std::string_view prompt) {
    const auto condition = parse_prompt(vocabulary(), prompt);
    return condition.ok() ? std::string("known") : condition.error().message + " | " + condition.error().hint;
  };
  CHECK_THAT(message("snowy\u200Bhills"), Catch::Contains("U+200B (zero width space)"));
  const std::string cyrillic = message("n\u0456ght");
  CHECK_THAT(cyrillic, Catch::Contains("U+0456"));
  CHECK_THAT(cyrillic, Catch::Contains("nearest to") && Catch::Contains("night"));
  CHECK_THAT(message("\U0001F6A4 at night"), Catch::Contains("\U0001F6A4"));
  CHECK_THAT(message("sea\u0007"), Catch::Contains("U+0007"));
  CHECK_THAT(message("sea \xff"), Catch::Contains("UTF-8"));
}

TEST_CASE("prompts mutated at random are read or refused in readable words") {
  std::mt19937_64 random(20261130);
  const auto pieces = std::to_array<std::string_view>(
      {"snowy",  "hills",  "night",    " red boat", "camera",     "pan left", ", ",         ".",
       "\u00A0", "\u200B", "\u2019",   "'",         "\u201C",     "\u3001",   "\u2028",     "\n",
       "\r\n",   "\xff",   "\xe2\x80", "\u0301",    "\U0001F6A4", "\uFF21",   "n\u0456ght", "\x1b[2J",
       "-",      "\u2014", "\uFB01",   "\u00BD",    "\u0130",     "\u212B",   "\uE000",     "\U0010FFFF"});
  std::size_t read = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string prompt;
    for (std::size_t count = random() % 12; count > 0; --count) prompt += pieces[random() % pieces.size()];
    if (random() % 4 == 0 && !prompt.empty()) prompt[random() % prompt.size()] = static_cast<char>(random());
    const auto condition = parse_prompt(vocabulary(), prompt);
    if (condition.ok()) {
      ++read;
      CHECK(parse_prompt(vocabulary(), prompt_from(vocabulary(), *condition)).value() == *condition);
      continue;
    }
    for (const std::string& text : {condition.error().message, condition.error().hint}) {
      std::string_view rest = text;
      while (!rest.empty()) {
        const auto next = base::first_code_point(rest);
        REQUIRE(next);
        REQUIRE(base::class_of(next->value) != base::CharacterClass::Control);
        rest.remove_prefix(next->bytes);
      }
    }
  }
  CHECK(read > 100);
}

TEST_CASE("nearest words are offered only where they are near, and a long list says how many more there are") {
  const auto far = parse_prompt(vocabulary(), "a photorealistic dragon");
  REQUIRE_FALSE(far.ok());
  CHECK(far.error().hint.empty());
  std::string many;
  for (int i = 0; i < 678; ++i) many += "q" + std::to_string(i) + " ";
  many += many.substr(0, 200);  // repeated words count once
  const auto listed = parse_prompt(vocabulary(), many);
  REQUIRE_FALSE(listed.ok());
  CHECK_THAT(listed.error().message, Catch::Contains("'q0'") && Catch::Contains("and 670 more"));
  CHECK(listed.error().message.size() < 400);
  const auto huge = parse_prompt(vocabulary(), std::string(2000, 'q'));
  REQUIRE_FALSE(huge.ok());
  CHECK(huge.error().message.size() < 200);
}

TEST_CASE("prompts that bind to nothing or contradict themselves are errors") {
  CHECK(canonical("hills at dusk, red") == "prompt.binding");
  CHECK(canonical("green hills") == "prompt.binding");
  CHECK(canonical("boat moving up") == "prompt.binding");
  CHECK(canonical("hills, sea") == "prompt.conflict");
  CHECK(canonical("boat moving left right") == "prompt.conflict");
  CHECK(canonical("red blue ball") == "prompt.conflict");
  CHECK(canonical("ball, boat, car") == "prompt.too_many");
  CHECK(canonical(std::string(5000, 'a')) == "prompt.length");
  CHECK(canonical("sea\x01") == "prompt.characters");
}

TEST_CASE("an empty prompt says nothing, a negative prompt leaves the rest open, a positive one has no other objects") {
  const auto empty = parse_prompt(vocabulary(), "");
  REQUIRE(empty.ok());
  CHECK(empty->indices == std::vector<int>(12, 0));
  const auto positive = parse_prompt(vocabulary(), "red ball");
  REQUIRE(positive.ok());
  CHECK(positive->indices[4] == 2);  // ball
  CHECK(positive->indices[8] == 1);  // no second object
  const auto negative = parse_prompt(vocabulary(), "red ball", PromptUse::Negative);
  REQUIRE(negative.ok());
  CHECK(negative->indices[8] == 0);
}

TEST_CASE("every scene of the catalogue describes itself in words that read back as the same condition") {
  REQUIRE(train::check_vocabulary(vocabulary()).ok());
  for (std::uint64_t i = 0; i < 500; ++i) {
    const train::Scene scene = train::draw_scene(3, i);
    const auto condition = parse_prompt(vocabulary(), train::describe(scene, vocabulary()));
    REQUIRE(condition.ok());
    // Without any thing to name, the objects are named by their absence.
    CHECK(*condition == train::condition_of(scene));
  }
}

TEST_CASE("a vocabulary that contradicts itself is refused") {
  const std::string head = "format = 1\nobjects_max = 1\nignored = []\ncamera_words = []\n";
  const std::string slots =
      "[[slot]]\nname = \"kind\"\nscope = \"object\"\nvalues = [[\"none\"], [\"ball\"]]\n"
      "[[slot]]\nname = \"motion\"\nscope = \"object\"\nvalues = [[\"left\"]]\n";
  CHECK(parse_vocabulary(head + slots).ok());
  const auto refused = [](const std::string& text) { return !parse_vocabulary(text).ok(); };
  CHECK(refused("format = 2\n"));
  CHECK(refused(head + "surprise = 1\n" + slots));
  CHECK(refused(head));
  CHECK(refused(head + slots + "[[slot]]\nname = \"colour\"\nscope = \"object\"\nvalues = [[\"ball\"]]\n"));
  CHECK(refused(head + slots + "[[slot]]\nname = \"ground\"\nscope = \"scene\"\nvalues = [[\"sea\"]]\n"));
  CHECK(refused(head + slots + "[motion_limits]\nboat = [\"left\"]\n"));
  CHECK(refused(head + "[[slot]]\nname = \"kind\"\nscope = \"object\"\nvalues = [[\"Ball\"]]\n"));
}

}  // namespace
}  // namespace framemill::models
