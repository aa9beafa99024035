// vocabulary.toml: what is read, and how mistakes are answered. What prompts mean by it is in prompt_test.cpp.
#include <catch2/catch.hpp>

#include "models/prompt.h"

namespace framemill::models {
namespace {

const std::string kVocabulary =
    "format = 1\n"
    "objects_max = 2\n"
    "ignored = [\"a\", \"the\"]\n"
    "camera_words = [\"camera\"]\n"
    "[[slot]]\n"
    "name = \"ground\"\n"
    "scope = \"scene\"\n"
    "values = [[\"hills\", \"hill\"], [\"sea\"]]\n"
    "[[slot]]\n"
    "name = \"kind\"\n"
    "scope = \"object\"\n"
    "values = [[\"none\"], [\"boat\"]]\n"
    "[[slot]]\n"
    "name = \"motion\"\n"
    "scope = \"object\"\n"
    "values = [[\"still\"], [\"left\"]]\n"
    "[motion_limits]\n"
    "boat = [\"still\"]\n";

base::Error error_with(const std::string& was, const std::string& is) {
  std::string text = kVocabulary;
  REQUIRE(text.find(was) != std::string::npos);
  const auto parsed = parse_vocabulary(text.replace(text.find(was), was.size(), is));
  return parsed.ok() ? base::Error{"accepted", "", "", ""} : parsed.error();
}

TEST_CASE("a vocabulary is read with its slots in order") {
  const auto vocabulary = parse_vocabulary(kVocabulary);
  REQUIRE(vocabulary.ok());
  REQUIRE(vocabulary->slots.size() == 3);
  CHECK(vocabulary->slots[0].name == "ground");
  CHECK(vocabulary->slots[0].scope == SlotScope::Scene);
  CHECK(vocabulary->slots[0].values[0].name == "hills");
  CHECK(vocabulary->slots[0].values[0].words == std::vector<std::string>{"hills", "hill"});
  CHECK(vocabulary->slots[1].scope == SlotScope::Object);
  CHECK(vocabulary->objects_max == 2);
  CHECK(vocabulary->ignored == std::vector<std::string>{"a", "the"});
  CHECK(vocabulary->camera_words == std::vector<std::string>{"camera"});
  CHECK(vocabulary->motion_limits.size() == 1);
  CHECK(vocabulary->motion_limits.at(0).first == "boat");
}

TEST_CASE("a mistake in a vocabulary is named with its field and line") {
  struct Case {
    const char *was, *is, *field, *part;
  };
  const std::vector<Case> cases{
      {"format = 1", "format = 2", "format", "line 1: format: 2 is not in 1 to 1"},
      {"objects_max = 2\n", "", "objects_max", "\"objects_max\" is missing"},
      {"objects_max = 2", "objects_max = 17", "objects_max", "17 is not in 0 to 16"},
      {"ignored", "ignore", "ignored", "did you mean \"ignored\"?"},
      {"[\"camera\"]", "\"camera\"", "camera_words", "camera_words = [\"camera\"]"},
      {"\"scene\"", "\"scenes\"", "slot[0].scope", "did you mean \"scene\"?"},
      {"\"hill\"", "\"Hill\"", "slot[0].values[0]", "\"Hill\" is not a lower-case word"},
      {"[\"sea\"]", "[]", "slot[0].values[1]", "there are no words"},
      {"[\"sea\"]", "5", "slot[0].values[1]", "an array of strings"},
      {"[[\"still\"], [\"left\"]]", "[]", "slot[2].values", "there are no values"},
      {"boat = [\"still\"]", "boat = [\"up\"]", "", "motion_limits names the unknown motion 'up'"},
      {"boat = [\"still\"]", "ship = [\"still\"]", "", "motion_limits names the unknown kind 'ship'"},
      {"camera_words = [", "camera_words = ", "", "vocabulary: "},
  };
  for (const Case& each : cases) {
    CAPTURE(each.is);
    const base::Error error = error_with(each.was, each.is);
    CHECK(error.code == "model.vocabulary");
    CHECK(error.field == each.field);
    CHECK_THAT(error.message + " | " + error.hint, Catch::Contains(each.part));
  }
}

TEST_CASE("all mistakes of a vocabulary are reported at once") {
  const base::Error error = error_with("objects_max = 2\nignored", "objects_max = -1\nignore");
  CHECK_THAT(error.message, Catch::StartsWith("vocabulary: 3 mistakes\n"));
}

}  // namespace
}  // namespace framemill::models
