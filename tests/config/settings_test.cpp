// The reader of all settings and manifests: what it takes, and how it answers what it does not take.
#include "config/settings.h"

#include <catch2/catch.hpp>

#include <map>

namespace framemill::config {
namespace {

base::Error error_of(std::string_view text, const SettingsForm& form, const SettingsTable::ReadTable& read) {
  const base::Status status = read_settings(text, form, read);
  return status.ok() ? base::Error{"accepted", "", "", ""} : status.error();
}

struct Sample {
  std::string address = "local", mode = "fast";
  bool is_open = false;
  std::int64_t count = 3;
  double share = 0.5;
  base::Duration patience = base::seconds(5);
  std::uint64_t room_bytes = 1;
  std::optional<base::WallTime> until;
  std::vector<std::string> words;
  std::vector<int> cpus;
  std::map<std::string, std::string> roots;
};

void read_sample(SettingsTable& table, Sample& out) {
  table.text("address", out.address);
  table.word("mode", out.mode, {"fast", "careful"});
  table.flag("open", out.is_open);
  out.count = table.integer("count", 0, 9).value_or(out.count);
  out.share = table.number("share", 0.0, 1.0).value_or(out.share);
  table.duration("patience", out.patience, base::milliseconds(100), base::seconds(3600));
  table.size("room", out.room_bytes);
  table.moment("until", out.until);
  table.texts("words", out.words);
  table.numbers("cpus", out.cpus, 63);
  table.entries("roots", [&](SettingsTable& roots, const std::string& name) { roots.text(name, out.roots[name]); });
}

base::Error sample_error(std::string_view text, const SettingsForm& form = {}) {
  Sample sample;
  return error_of(text, form, [&](SettingsTable& table) { read_sample(table, sample); });
}

TEST_CASE("keys that are absent keep their defaults, and those given are read") {
  Sample sample;
  const auto read = [&](SettingsTable& table) { read_sample(table, sample); };
  REQUIRE(read_settings("", {}, read).ok());
  CHECK(sample.address == "local");
  CHECK(sample.count == 3);
  CHECK(sample.patience == base::seconds(5));

  REQUIRE(read_settings("\xef\xbb\xbf"
                        R"(address = "far"
mode = "careful"
open = true
count = 9
share = 1
patience = "250ms"
room = "2MiB"
until = 1970-01-01T00:00:01Z
words = ["a", "b"]
cpus = [0, 63]
[roots]
main = "/mnt/main"
)",
                        {}, read)
              .ok());
  CHECK(sample.address == "far");
  CHECK(sample.mode == "careful");
  CHECK(sample.is_open);
  CHECK(sample.count == 9);
  CHECK(sample.share == 1.0);
  CHECK(sample.patience == base::milliseconds(250));
  CHECK(sample.room_bytes == 2u << 20);
  REQUIRE(sample.until);
  CHECK(sample.words == std::vector<std::string>{"a", "b"});
  CHECK(sample.cpus == std::vector<int>{0, 63});
  CHECK(sample.roots == std::map<std::string, std::string>{{"main", "/mnt/main"}});
}

TEST_CASE("a value of a settings file that is refused is named with its key, its line and what to write") {
  struct Case {
    const char *text, *code, *field, *part;  // part: of message and hint
  };
  const std::vector<Case> cases{
      {"\naddress = 5", "config.wrong_type", "address", "line 2: address: 5 is an integer"},
      {"address = 5", "config.wrong_type", "address", "write it in quotes: address = \"5\""},
      {"address = \"\"", "config.out_of_range", "address", "the string is empty"},
      {"address = far", "config.unquoted", "address", "write it in quotes: address = \"far\""},
      {"address = \"a\\u200bb\"", "config.control_character", "address", "U+200B (zero width space)"},
      {"mode = \"carful\"", "config.unknown_value", "mode", "did you mean \"careful\"?"},
      {"open = \"yes\"", "config.wrong_type", "open", "true or false, without quotes"},
      {"count = 10", "config.out_of_range", "count", "10 is not in 0 to 9"},
      {"count = \"3\"", "config.wrong_type", "count", "write 3, without quotes"},
      {"count = 99999999999999999999", "config.out_of_range", "count", "is not in 0 to 9"},
      {"share = 1.5", "config.out_of_range", "share", "1.5 is not in 0 to 1"},
      {"share = nan", "config.out_of_range", "share", "0 to 1"},
      {"patience = \"5 min\"", "config.bad_duration", "patience", "write 5m"},
      {"patience = \"99ms\"", "config.out_of_range", "patience", "99ms is not in 100ms to 3600s"},
      {"room = \"8 GB\"", "config.bad_size", "room", "write 8GiB"},
      {"room = \"0B\"", "config.out_of_range", "room", "a size of 0"},
      {"until = 2026-01-01", "config.bad_deadline", "until", "a time with an offset"},
      {"words = \"a, b\"", "config.wrong_type", "words", "words = [\"a\", \"b\"]"},
      {"words = [\"a\", 5]", "config.wrong_type", "words[1]", "5 is an integer"},
      {"cpus = [64]", "config.out_of_range", "cpus[0]", "64 is not a number from 0 to 63"},
      {"roots = 5", "config.wrong_type", "roots", "a table"},
      {"[roots]\n\"a/b\" = \"x\"", "config.bad_name", "roots.a/b", "it holds \"/\""},
      {"adress = \"x\"", "config.unknown_key", "adress", "did you mean \"address\"?"},
      {"zzzzzz = 1", "config.unknown_key", "zzzzzz", "unknown key \"zzzzzz\""},
      {"count = 1\ncount = 2", "config.duplicate_key", "count", "given twice"},
      {"count", "config.syntax", "", "write KEY = VALUE"},
      {"a = \"\xff\"", "config.bad_utf8", "", "save it as UTF-8"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    const base::Error error = sample_error(each.text);
    CHECK(error.code == each.code);
    CHECK(error.field == each.field);
    CHECK_THAT(error.message + " | " + error.hint, Catch::Contains(each.part));
  }
}

TEST_CASE("all mistakes of a settings file are reported at once, in the order of its lines") {
  const base::Error error = sample_error("count = 10\nadress = \"x\"\nmode = \"slow\"\npatience = 5m\n");
  CHECK(error.code == "config.out_of_range");
  CHECK(error.field == "count");
  CHECK(error.message ==
        "4 mistakes\n"
        "  line 1: count: 10 is not in 0 to 9\n"
        "  line 2: unknown key \"adress\" (did you mean \"address\"?)\n"
        "  line 3: mode: \"slow\" is not a legal value (fast, careful)\n"
        "  line 4: write it in quotes: patience = \"5m\"");
  CHECK(first_line(error.message) == "line 1: count: 10 is not in 0 to 9 (and 3 more)");
}

TEST_CASE("a form decides codes, limits, other names, secrets and the hint of an unknown key") {
  CHECK(sample_error("count = 10", {.code_prefix = "tokens"}).code == "tokens.out_of_range");
  CHECK(sample_error("count = 10", {.code = "model.manifest"}).code == "model.manifest");
  CHECK(sample_error("count = [", {.code = "model.manifest"}).code == "model.manifest");
  CHECK(sample_error("count = 1     ", {.bytes_max = 10}).code == "config.too_large");
  CHECK(sample_error("words = []\ncpus = []", {.keys_max = 1}).code == "config.too_large");
  CHECK(sample_error("cores = [1]").hint.empty());
  CHECK(sample_error("cores = [1]", {.other_names = {{"cores", "cpus"}}}).hint == "did you mean \"cpus\"?");
  CHECK(sample_error("cores = [1]", {.other_names = {{"cores", "threads"}}}).hint.empty());
  CHECK(sample_error("cores = [1]", {.unknown_key_hint = "see the page"}).hint == "see the page");
  const base::Error secret = sample_error("address = hunter2", {.secrets = {"address"}});
  CHECK(secret.message == "line 1: address is a string in plain double quotes");
  CHECK_THAT(secret.message + secret.hint, !Catch::Contains("hunter2"));
}

TEST_CASE("tables in tables are read with the names of their fields, and a missing key is reported at its table") {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> values;
  const auto read = [&](SettingsTable& table) {
    table.tables("slot", 2, [&](SettingsTable& slot) {
      slot.require("name", "a name");
      slot.name("name", names.emplace_back());
      slot.lists("values", 2, values);
    });
  };
  const SettingsForm form{.lists = {"slot"}};
  REQUIRE(error_of("[[slot]]\nname = \"a\"\nvalues = [[\"x\", \"y\"], []]\n", form, read).code == "accepted");
  CHECK(names == std::vector<std::string>{"a"});
  CHECK(values == std::vector<std::vector<std::string>>{{"x", "y"}, {}});

  const base::Error missing = error_of("[[slot]]\nname = \"a\"\n[[slot]]\nvalues = []\n", form, read);
  CHECK(missing.code == "config.missing_key");
  CHECK(missing.message == "line 3: slot[1].name: \"name\" is missing");
  CHECK(missing.hint == "a name");
  CHECK(error_of("[slot]\nname = \"a\"\n", form, read).field == "slot");
  CHECK(error_of("[[slot]]\nname = \"a\"\nvalues = [\"x\"]\n", form, read).field == "slot[0].values[0]");
  CHECK(error_of("[[slot]]\nname = \"a\"\nvalues = [[1]]\n", form, read).field == "slot[0].values[0][0]");
  CHECK(error_of("[[slot]]\nname = \"a\"\nvalues = [[], [], []]\n", form, read).code == "config.too_large");
  CHECK(error_of("[[slot]]\n[[slot]]\n[[slot]]\n", form, read).code == "config.too_large");
}

TEST_CASE("prose may have several lines, and has a limit") {
  std::string text;
  const auto read = [&](SettingsTable& table) { table.prose("title", text, 5); };
  REQUIRE(read_settings("title = \"a\\nb\"", {}, read).ok());
  CHECK(text == "a\nb");
  CHECK(error_of("title = \"abcdef\"", {}, read).message == "line 1: title: the string has 6 bytes; the limit is 5");
  CHECK(error_of("title = \"\"", {}, read).code == "config.out_of_range");
  CHECK(error_of("title = \"a\\u0007\"", {}, read).code == "config.control_character");
}

TEST_CASE("the tree of a file is given where the whole file parses") {
  const auto tree = settings_tree("a = \"x\"\n[roots]\nmain = \"y\"\n", {});
  REQUIRE(tree.ok());
  REQUIRE(tree->find("roots") != nullptr);
  CHECK(tree->find("roots")->find("main")->text == "y");
  CHECK(settings_tree("a = x y", {}).error().code == "config.unquoted");
  CHECK(settings_tree("a = [", {}).error().code == "config.syntax");
  CHECK(settings_tree("a = \"\xff\"", {}).error().code == "config.bad_utf8");
}

}  // namespace
}  // namespace framemill::config
