#include "cli/table.h"

#include <catch2/catch.hpp>

namespace framemill::cli {
namespace {

Table sample() {
  Table table({{"JOB", Align::Right}, {"NAME", Align::Left, true}, {"STATE"}});
  table.add({"7", "häfen", {"done", Tone::Good}});
  table.add({"12", "a rather long name of a job", {"running", Tone::Busy}});
  return table;
}

Terminal terminal_of(int width, bool colour) {
  Terminal terminal;
  terminal.interactive = true;
  terminal.colour = colour;
  terminal.utf8 = true;
  terminal.width = width;
  return terminal;
}

}  // namespace

TEST_CASE("a table lines its columns up by display width") {
  CHECK(sample().text(Terminal{}) ==
        "JOB  NAME                         STATE\n"
        "  7  häfen                        done\n"
        " 12  a rather long name of a job  running\n");
}

TEST_CASE("on a narrow terminal the columns that may be cut give way") {
  CHECK(sample().text(terminal_of(28, false)) ==
        "JOB  NAME            STATE\n"
        "  7  häfen           done\n"
        " 12  a rather long…  running\n");
}

TEST_CASE("colours change no column") {
  const std::string text = sample().text(terminal_of(100, true));
  CHECK(text.find("\x1b[32mdone\x1b[0m") != std::string::npos);
  CHECK(text.find(" 12  a rather long name of a job  \x1b[36mrunning") != std::string::npos);
}

}  // namespace framemill::cli
