#include <catch2/catch.hpp>

#include "scheduler/core/views/diagnosis_view.h"

namespace framemill::scheduler {

TEST_CASE("the last line of a log that mentions an error is shown, else the last that is not empty") {
  CHECK(telling_line("loading\nRuntimeError: bad plate\ncleaning up\n") == "RuntimeError: bad plate");
  CHECK(telling_line("an Error here\nanother ERROR there\r\n\n") == "another ERROR there");
  CHECK(telling_line("  frame 1\n  frame 2  \n\n") == "frame 2");
  CHECK(telling_line("").empty());
  CHECK(telling_line("\n \t\n").empty());
  CHECK(telling_line("error " + std::string(1000, 'x')).size() == 300);
}

}  // namespace framemill::scheduler
