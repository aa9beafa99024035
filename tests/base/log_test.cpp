#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>

#include "base/file.h"

namespace framemill::base {
namespace {

// What a call writes to standard error.
std::string logged(const std::function<void()>& call) {
  const std::string path = "/tmp/framemill-log-" + std::to_string(random_u64());
  ::fflush(stderr);
  const int kept = ::dup(2);
  FILE* file = ::fopen(path.c_str(), "w");
  ::dup2(::fileno(file), 2);
  call();
  ::fflush(stderr);
  ::dup2(kept, 2);
  ::close(kept);
  ::fclose(file);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  ::unlink(path.c_str());
  return text.str();
}

TEST_CASE("a log line is one line of plain text, whatever people and programs put into it") {
  // A second line that looks like ours, a colour, a cursor movement, a byte that is no UTF-8, reversed text.
  for (const std::string& hostile :
       {std::string("cancelled\n2026-01-01T00:00:00.000 info    farm: JobDeleted job 7"), std::string("a\rb"),
        std::string("a\x1b[31mred\x1b[0m"), std::string("a\x1b]0;title\x07"), std::string("a\xFF\xFE"),
        std::string("a\xE2\x80\xAEkcab\xE2\x80\xAC"), std::string("a\xE2\x81\xA6isolated\xE2\x81\xA9"),
        std::string("a\xC2\x85next line"), std::string("a\xE2\x80\xA8line separator"), std::string("a\0b", 3)}) {
    INFO(hostile);
    const std::string text = logged([&] { log_info("farm", "JobCancelled by ana: {} end", hostile); });
    REQUIRE(!text.empty());
    CHECK(text.back() == '\n');
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(text.find("JobCancelled by ana: ") != std::string::npos);
    CHECK(text.ends_with(" end\n"));
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      CHECK(byte >= 0x20);
      CHECK(byte != 0x7F);
    }
    for (const char* hidden :
         {"\xE2\x80\xAE", "\xE2\x80\xAC", "\xE2\x81\xA6", "\xE2\x81\xA9", "\xC2\x85", "\xE2\x80\xA8", "\xFF", "\xFE"})
      CHECK(text.find(hidden) == std::string::npos);
  }
}

TEST_CASE("a log line begins with its time and level, or with the journal's number for the level, and names its part") {
  const std::string text = logged([] { log_warning("farm", "job {} is stuck", 7); });
  if (std::getenv("JOURNAL_STREAM") != nullptr)
    CHECK(text == "<4>farm: job 7 is stuck\n");
  else
    CHECK_THAT(text, Catch::Matches("[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\\.[0-9]{3} "
                                    "warning farm: job 7 is stuck\n"));
}

TEST_CASE("words of any language stay as they are in a log line") {
  const std::string words = "größer 日本語 العربية e\u0301 👩‍🎨";
  CHECK(logged([&] { log_info("farm", "{}", words); }).find(words) != std::string::npos);
}

TEST_CASE("a log line has a bound") {
  const std::string text = logged([] { log_info("farm", "{}", std::string(1 << 20, 'x')); });
  CHECK(text.size() < (1 << 15));
  CHECK(text.back() == '\n');
}

}  // namespace
}  // namespace framemill::base
