#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "script.h"

namespace framemill::scheduler {
namespace {

std::vector<std::filesystem::path> scenarios() {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(FRAMEMILL_SOURCE_DIR "/tests/scenarios"))
    if (file.path().extension() == ".scn") files.push_back(file.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("every scenario of tests/scenarios goes as it is written") {
  REQUIRE(scenarios().size() >= 20);
  for (const auto& path : scenarios()) {
    DYNAMIC_SECTION(path.filename().string()) {
      const std::string fault = stage::run_script(text_of(path));
      INFO(path.filename().string() << ": " << fault);
      CHECK(fault.empty());
    }
  }
}

TEST_CASE("a wall clock that jumps an hour forwards and two backwards changes no lease, no order and no commit") {
  for (const auto& path : scenarios()) {
    const std::string fault = stage::run_script(text_of(path), stage::WallClock::Jumping);
    INFO(path.filename().string() << ": " << fault);
    CHECK(fault.empty());
  }
}

TEST_CASE("every reason that explain may give has a scenario") {
  std::set<std::string> explained;
  for (const auto& path : scenarios()) {
    std::stringstream lines(text_of(path));
    for (std::string line; std::getline(lines, line);) {
      const stage::Statement statement(line);
      if (statement.empty() || statement.word(0) != "explain") continue;
      for (const std::string& word : statement.words_from(1)) explained.insert(word);
    }
  }
  for (int reason = 0; reason <= static_cast<int>(Reason::Share); ++reason) {
    INFO(name(static_cast<Reason>(reason)));
    CHECK(explained.contains(std::string(name(static_cast<Reason>(reason)))));
  }
}

TEST_CASE("a scenario that expects the wrong thing fails with its line") {
  CHECK(stage::run_script("expect grants 1\n").starts_with("line 1: "));
  CHECK(stage::run_script("\njuggle w1\n").starts_with("line 2: "));
}

TEST_CASE("a scenario with a key or a word that its statement does not use fails with its line") {
  const std::string job = "package demo@1\nworker w1 slots=1\nsubmit A\n  layer boards generate frames=1-16\n";
  CHECK(stage::run_script(job + "expect tally A retries=0\n").empty());
  CHECK_THAT(stage::run_script(job + "expect tally A retries=0 atempts=9\n"),
             Catch::Contains("line 5: ") && Catch::Contains("atempts"));
  CHECK_THAT(stage::run_script(job + "expect tally A\n"), Catch::Contains("line 5: "));
  CHECK_THAT(stage::run_script(job + "expect job A running today\n"), Catch::Contains("today"));
  CHECK_THAT(stage::run_script("worker w1 slot=1\n"), Catch::Contains("line 1: ") && Catch::Contains("slot"));
  CHECK_THAT(stage::run_script("submit A prio=1\n  layer boards generate frames=1-16\nreport w1\n"),
             Catch::Contains("prio"));
  CHECK_THAT(stage::run_script("worker w1 slots=1 slots=2\n"), Catch::Contains("given twice"));
}

}  // namespace
}  // namespace framemill::scheduler
