#include "cli/settings.h"

#include <catch2/catch.hpp>
#include <map>

#include "run.h"

namespace framemill::cli {
namespace {

struct Home {
  testing::TemporaryDirectory directory;
  std::map<std::string, std::string> variables{{"HOME", directory.path().string()}};
  Environment environment() const {
    return [this](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::string() : found->second;
    };
  }
  base::Result<Settings> load(const SettingFlags& flags = {}) const { return load_settings(flags, environment()); }
};

}  // namespace

TEST_CASE("without any setting the server is on this host") {
  const Home home;
  const auto settings = home.load();
  REQUIRE(settings.ok());
  CHECK(settings->server == "http://127.0.0.1:8750");
  CHECK(settings->token_file.empty());
}

TEST_CASE("flags beat the environment, which beats the file") {
  Home home;
  home.directory.write(".config/framemill/config.toml",
                       "server = \"http://file:1\"\ntoken_file = \"~/t\"\nmodels = [\"/m\"]\n[roots]\nmain = \"/r\"\n");
  auto settings = home.load();
  REQUIRE(settings.ok());
  CHECK(settings->server == "http://file:1");
  CHECK(settings->token_file == home.directory.path() / "t");
  CHECK(settings->models == std::vector<std::filesystem::path>{"/m"});
  CHECK(settings->roots.at("main") == "/r");

  home.variables["FRAMEMILL_SERVER"] = "http://environment:2";
  home.variables["FRAMEMILL_TOKEN_FILE"] = "/e";
  settings = home.load();
  REQUIRE(settings.ok());
  CHECK(settings->server == "http://environment:2");
  CHECK(settings->token_file == "/e");

  settings = home.load({"http://flag:3", "/f"});
  REQUIRE(settings.ok());
  CHECK(settings->server == "http://flag:3");
  CHECK(settings->token_file == "/f");
}

TEST_CASE("a settings file with an unknown key, a wrong type or bad syntax is refused with the place") {
  Home home;
  const auto code_of = [&](const std::string& text) {
    home.directory.write(".config/framemill/config.toml", text);
    const auto settings = home.load();
    return settings.ok() ? std::string("ok") : settings.error().code + " " + settings.error().field;
  };
  CHECK(code_of("sever = \"x\"\n") == "config.unknown_key sever");
  CHECK(code_of("server = 7\n") == "config.wrong_type server");
  CHECK(code_of("models = \"m\"\n") == "config.wrong_type models");
  CHECK(code_of("[roots]\nmain = 1\n") == "config.wrong_type roots.main");
  CHECK(code_of("server = \n") == "config.syntax ");
  CHECK(home.load().error().message.find("config.toml: line 1: ") != std::string::npos);
  CHECK(code_of("server = http://render:8750\n") == "config.unquoted server");
  CHECK(home.load().error().message.find("write it in quotes: server = \"http://render:8750\"") != std::string::npos);
}

TEST_CASE("a token is read only from a private file of one line") {
  const testing::TemporaryDirectory directory;
  const auto code_of = [](const base::Result<std::string>& token) { return token.ok() ? *token : token.error().code; };
  CHECK(code_of(read_token(directory.write("good", "abc-123\n", 0600))) == "abc-123");
  CHECK(code_of(read_token(directory.write("group", "abc\n", 0640))) == "token.permissions");
  CHECK(code_of(read_token(directory.write("world", "abc\n", 0604))) == "token.permissions");
  CHECK(code_of(read_token(directory.write("empty", "\n", 0600))) == "token.format");
  CHECK(code_of(read_token(directory.write("header", "abc\r\nX-Evil: 1\n", 0600))) == "token.format");
  CHECK(code_of(read_token(directory.path())) == "token.permissions");
  CHECK(code_of(read_token(directory.path() / "absent")) == "token.missing");
  CHECK(read_token(directory.path() / "group").error().hint.starts_with("chmod 600 "));
}

}  // namespace framemill::cli
