#include "cli/live_display.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace framemill::cli {

TEST_CASE("a display goes back over its own lines, also over those that a narrower window has broken") {
  std::ostringstream out;
  {
    LiveDisplay display(out);
    display.draw({std::string(90, 'a'), "b", ""}, 100);
    CHECK(out.str() == "\x1b[?25l" + std::string(90, 'a') + "\x1b[K\nb\x1b[K\n\x1b[K\n\x1b[J");
    out.str("");
    display.draw({"c"}, 100);
    CHECK(out.str() == "\x1b[3A\rc\x1b[K\n\x1b[J");
    display.draw({std::string(90, 'a'), "b"}, 100);
    out.str("");
    display.draw({"c"}, 40);  // 90 columns are three rows now
    CHECK(out.str() == "\x1b[4A\rc\x1b[K\n\x1b[J");
    out.str("");
  }
  CHECK(out.str() == "\x1b[?25h");
}

}  // namespace framemill::cli
