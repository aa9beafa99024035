#include <sys/wait.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdio>
#include <set>

#include "cli/manual_text.h"
#include "run.h"

namespace framemill::cli {
namespace {

using namespace testing;

// What a command prints; a status other than 0 fails the test.
std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  const int status = ::pclose(pipe);
  INFO(command << ": " << text);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return text;
}

// What bash would offer behind these words, the last of which is being typed.
std::set<std::string> offered(Program& program, const std::vector<std::string>& words) {
  const auto script = program.home.write("completion.bash", program.run({"completion", "bash"}).out);
  std::string line;
  for (const std::string& word : words) line += " '" + word + "'";
  const std::string out =
      output_of("cd " + program.home.path().string() + " && bash -c '. " + script.string() + "; COMP_WORDS=(\"$@\"); " +
                "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _framemill; printf \"%s\\n\" \"${COMPREPLY[@]}\"' bash" + line);
  std::set<std::string> offers;
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t end = out.find('\n', at);
    if (end > at) offers.insert(out.substr(at, end - at));
    at = end + 1;
  }
  return offers;
}

}  // namespace

TEST_CASE("bash completes verbs, verbs of verbs, options and files where a file is meant") {
  Program program;
  program.home.write("shot.toml", "");
  CHECK(offered(program, {"framemill", "pri"}) == std::set<std::string>{"priority"});
  CHECK(offered(program, {"framemill", "model", "v"}) == std::set<std::string>{"verify", "vocabulary"});
  CHECK(offered(program, {"framemill", "retry", "12", "--re"}) ==
        std::set<std::string>{"--remake", "--replace", "--reason"});
  CHECK(offered(program, {"framemill", "submit", "sh"}) == std::set<std::string>{"shot.toml"});
  CHECK(offered(program, {"framemill", "frames", "12", "--manifest", "sh"}) == std::set<std::string>{"shot.toml"});
  // A free text, a job number: nothing that could be a file's name by chance.
  CHECK(offered(program, {"framemill", "cancel", "12", "--reason", "sh"}).empty());
  CHECK(offered(program, {"framemill", "cancel", "sh"}).empty());
  // The value of an option is no verb.
  CHECK(offered(program, {"framemill", "--server", "submit", "pri"}) == std::set<std::string>{"priority"});
}

TEST_CASE("every option of --help is in every shell's script and on the manual page") {
  Program program;
  const std::string bash = program.run({"completion", "bash"}).out, zsh = program.run({"completion", "zsh"}).out,
                    fish = program.run({"completion", "fish"}).out, manual = program.run({"manual"}).out;
  std::set<std::string> verbs;
  const std::string help = program.run({"--help"}).out;
  std::istringstream lines(help.substr(help.find("Subcommands:")));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.starts_with("  ")) verbs.insert(line.substr(2, line.find(' ', 2) - 2));
  REQUIRE(verbs.size() > 20);
  for (const std::string& verb : verbs) {
    INFO(verb);
    CHECK(zsh.find("'" + verb + ":") != std::string::npos);
    CHECK(fish.find(" -a " + verb + " ") != std::string::npos);
    CHECK(manual.find("\n.SS framemill " + verb + "\n") != std::string::npos);
    std::istringstream options(program.run({verb, "--help"}).out);
    while (std::getline(options, line)) {
      const std::size_t at = line.find("--");
      if (!line.starts_with("  ") || at == std::string::npos || at > 6) continue;
      const std::string option = line.substr(at, line.find_first_of(" ,=", at) - at);
      INFO(option);
      CHECK(bash.find(option) != std::string::npos);
      CHECK(zsh.find("'" + option + ":") != std::string::npos);
      CHECK(fish.find(" -l " + option.substr(2)) != std::string::npos);
    }
  }
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = program.home.write("script", program.run({"completion", shell}).out);
    output_of(std::string("! command -v ") + shell + " > /dev/null || " + shell + " -n " + script.string());
  }
}

TEST_CASE("an unknown shell is refused with those that are known") {
  Program program;
  const auto done = program.run({"completion", "csh"});
  CHECK(done.code == 2);
  CHECK(done.err.find("bash, zsh and fish") != std::string::npos);
}

TEST_CASE("the manual page escapes what troff would take for its own") {
  VerbInfo info{"framemill", "Submit", "a\\b\n.c", {}, {}, {}};
  info.verbs.push_back({"x", "'quoted' -first", "", {{{"-q", "--quiet"}, "", "less", false, false}}, {}, {}});
  const std::string odd = manual_text(info, "1-2");
  CHECK(odd.find("a\\eb\n\\&.c") != std::string::npos);
  CHECK(odd.find("\n\\&'quoted' \\-first\n") != std::string::npos);
  CHECK(odd.find("\n.TP\n\\fB\\-q\\fR, \\fB\\-\\-quiet\\fR\nless\n") != std::string::npos);

  Program program;
  const std::string page = program.run({"manual"}).out;
  CHECK(page.starts_with(".TH FRAMEMILL 1 "));
  for (const char* section : {"\n.SH NAME\n", "\n.SH SYNOPSIS\n", "\n.SH OPTIONS\n", "\n.SH VERBS\n", "\n.SH FILES\n"})
    CHECK(page.find(section) != std::string::npos);
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK((line.empty() || line[0] != '\''));
    if (!line.empty() && line[0] == '.')
      CHECK(std::set<std::string>{".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi", ".I", ".B"}.contains(
          line.substr(0, line.find(' '))));
  }
}

}  // namespace framemill::cli
