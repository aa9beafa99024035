#include "cli/diagnostics.h"

#include <catch2/catch.hpp>

#include "cli/json_reader.h"

namespace framemill::cli {

TEST_CASE("errors of a spec are shown with their line, a caret and what to write") {
  const std::string source = "api = \"framemill/v1\"\n[[layer]]\n\tpromt = \"häfen\"\n";
  std::vector<jobs::SpecError> errors(2);
  errors[0] = {"spec.unknown_key", 3, 2, "layer[0].promt", "unknown key 'promt'", "", "prompt"};
  errors[1] = {"spec.missing", std::nullopt, std::nullopt, "show", "show is missing", "a name", "write show = \"hb\""};
  CHECK(diagnostics_text(errors, "shot.toml", source, Terminal{}) ==
        "shot.toml:3:2: error: unknown key 'promt' [spec.unknown_key]\n"
        "    3 |  promt = \"häfen\"\n"
        "      |  ^\n"
        "      field: layer[0].promt\n"
        "      help: did you mean \"prompt\"?\n"
        "shot.toml: error: show is missing [spec.missing]\n"
        "      field: show\n"
        "      expected: a name\n"
        "      help: write show = \"hb\"\n"
        "2 errors in shot.toml\n");
}

TEST_CASE("a place outside the source shows no line") {
  std::vector<jobs::SpecError> errors(1);
  errors[0] = {"spec.syntax", 99, 7, "", "odd", "", ""};
  CHECK(diagnostics_text(errors, "-", "one line", Terminal{}) ==
        "standard input:99:7: error: odd [spec.syntax]\n1 error in standard input\n");
}

TEST_CASE("findings of a server that are none are left out") {
  const auto list =
      parse_json(R"([{"code":"a","line":1,"column":null,"field":"","message":"m","expected":"","suggestion":""},
                                   7, {"code":3}, {"code":"b","line":-4,"column":99999999999,"message":"\u001b[2J"}])");
  const auto errors = spec_errors_from_json(list->as_array());
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].line == 1u);
  CHECK(!errors[1].line);
  CHECK(!errors[1].column);
  CHECK(errors[1].message == "\uFFFD[2J");
}

}  // namespace framemill::cli
