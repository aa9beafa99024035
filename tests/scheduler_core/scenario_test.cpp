#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "script.h"

namespace framemill::scheduler {
namespace {

std::vector<std::filesystem::path> scenarios() {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(std::string(FRAMEMILL_SOURCE_DIR) + "/tests/scenarios"))
    if (file.path().extension() == ".scn") files.push_back(file.path());
  std::sort(files.begin(), files.end());
  return files;
}

TEST_CASE("every scenario of tests/scenarios goes as it is written") {
  REQUIRE(scenarios().size() >= 20);
  for (const auto& path : scenarios()) {
    DYNAMIC_SECTION(path.filename().string()) {
      std::ifstream file(path);
      std::stringstream text;
      text << file.rdbuf();
      const std::string fault = stage::run_script(text.str());
      INFO(path.filename().string() << ": " << fault);
      CHECK(fault.empty());
    }
  }
}

TEST_CASE("a scenario that expects the wrong thing fails with its line") {
  CHECK(stage::run_script("expect grants 1\n").starts_with("line 1: "));
  CHECK(stage::run_script("\njuggle w1\n").starts_with("line 2: "));
}

}  // namespace
}  // namespace framemill::scheduler
