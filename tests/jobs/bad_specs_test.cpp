// Runs the table in bad_specs.txt, as TOML and as JSON.
#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <boost/json.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "config/tree.h"
#include "jobs/spec.h"

namespace framemill::jobs {
namespace {

struct Expected {
  std::string code, field, suggestion;
  std::optional<std::pair<unsigned, unsigned>> place;
};
struct Case {
  std::string title;
  bool toml_only = false;
  std::vector<Expected> errors;
  std::string text;
};

std::string expanded(const std::string& line) {
  if (line == "@job") return "api = \"framemill/v1\"\nname = \"test\"\nshow = \"harbor\"\nshot = \"hb_0010\"\n";
  std::istringstream words(line);
  std::string kind, name, input;
  words >> kind;
  if (kind == "@generate" || kind == "@command") {
    std::getline(words >> std::ws, name);
  } else {
    words >> name >> input;
  }
  const std::string head = fmt::format("[[layer]]\nname = \"{}\"\nkind = \"{}\"\n", name, kind.substr(1));
  if (kind == "@generate") return head + "model = \"clips@1\"\nprompt = \"a boat\"\nframes = \"1-16\"\n";
  if (kind == "@command") return head + "argv = [\"convert\"]\nframes = \"1-16\"\n";
  return head + fmt::format("input = [{{layer = \"{}\"}}]\n", input);
}

// A key written after a layer's expansion replaces the one in it.
void add_line(std::string& text, const std::string& line) {
  if (line.starts_with('@')) {
    text += expanded(line);
    return;
  }
  const std::size_t equals = line.find(" = ");
  const std::size_t table = text.rfind("[[layer]]");
  if (equals != std::string::npos && table != std::string::npos) {
    const std::string key = "\n" + line.substr(0, equals + 3);
    if (const std::size_t at = text.find(key, table); at != std::string::npos) {
      text.replace(at + 1, text.find('\n', at + 1) - at - 1, line);
      return;
    }
  }
  text += line + "\n";
}

Expected expected(const std::string& line) {
  Expected out;
  std::istringstream words(line);
  words >> out.code >> out.field;
  if (out.field == "-") out.field.clear();
  for (std::string word; words >> word;) {
    if (word == "at") {
      unsigned row = 0, column = 0;
      char colon = 0;
      words >> row >> colon >> column;
      out.place = {row, column};
    } else if (word == "suggest") {
      std::getline(words >> std::ws, out.suggestion);
    }
  }
  return out;
}

std::vector<Case> cases() {
  std::ifstream file(FRAMEMILL_SOURCE_DIR "/tests/jobs/bad_specs.txt");
  REQUIRE(file.good());
  std::vector<Case> out;
  bool in_text = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("=== ")) {
      out.emplace_back();
      out.back().toml_only = line.starts_with("=== toml: ");
      out.back().title = line.substr(4);
      in_text = false;
    } else if (line == "---") {
      in_text = true;
    } else if (in_text) {
      add_line(out.back().text, line);
    } else if (!line.empty() && !line.starts_with('#')) {
      out.back().errors.push_back(expected(line));
    }
  }
  return out;
}

boost::json::value json_of(const config::Node& node) {
  switch (node.type) {
    case config::Node::Type::Null:
      return nullptr;
    case config::Node::Type::Bool:
      return node.boolean;
    case config::Node::Type::Integer:
      return node.integer;
    case config::Node::Type::Float:
      return node.real;
    case config::Node::Type::BigInteger:
    case config::Node::Type::String:
    case config::Node::Type::DateTime:
      return boost::json::value(node.text);
    case config::Node::Type::Array: {
      boost::json::array out;
      for (const config::Node& item : node.items) out.push_back(json_of(item));
      return out;
    }
    case config::Node::Type::Table: {
      boost::json::object out;
      for (const auto& [key, member] : node.members) out.emplace(key, json_of(member));
      return out;
    }
  }
  return nullptr;
}

void compare(const Case& example, const ParsedSpec& parsed, bool is_json) {
  std::string told;
  for (const SpecError& error : parsed.errors)
    told += fmt::format("{} {} at {}:{} suggest {} -- {}\n", error.code, error.field, error.line.value_or(0),
                        error.column.value_or(0), error.suggestion, error.message);
  INFO((is_json ? "as JSON: " : "as TOML: ") << example.title << "\n" << example.text << "told:\n" << told);
  CHECK_FALSE(parsed.spec);
  CHECK(parsed.errors.size() == example.errors.size());
  if (parsed.errors.size() != example.errors.size()) return;
  for (std::size_t i = 0; i < parsed.errors.size(); ++i) {
    const SpecError& error = parsed.errors[i];
    const Expected& wanted = example.errors[i];
    CHECK(error.code == wanted.code);
    CHECK(error.field == wanted.field);
    CHECK_FALSE(error.message.empty());
    if (!wanted.suggestion.empty()) CHECK(error.suggestion == wanted.suggestion);
    if (is_json) CHECK_FALSE(error.line);
    if (wanted.place && !is_json) {
      CHECK(error.line == wanted.place->first);
      CHECK(error.column == wanted.place->second);
    }
  }
}

TEST_CASE("every bad spec of the table is refused with its codes, as TOML") {
  const auto all = cases();
  CHECK(all.size() >= 60);
  for (const Case& example : all) compare(example, parse_spec(example.text, SpecFormat::Toml), false);
}

TEST_CASE("every bad spec of the table is refused with the same codes, as JSON") {
  std::size_t compared = 0;
  for (const Case& example : cases()) {
    if (example.toml_only) continue;
    const config::TreeResult tree = config::tree_from_toml(example.text);
    INFO(example.title << "\n" << example.text);
    REQUIRE(tree.root);
    compare(example, parse_spec(boost::json::serialize(json_of(*tree.root)), SpecFormat::Json), true);
    ++compared;
  }
  CHECK(compared >= 60);
}

TEST_CASE("every code that the table expects is in the job spec's page") {
  std::ifstream page(FRAMEMILL_SOURCE_DIR "/docs/job-spec.md");
  REQUIRE(page.good());
  const std::string text(std::istreambuf_iterator<char>(page), {});
  std::set<std::string> codes;
  for (const Case& example : cases())
    for (const Expected& error : example.errors) codes.insert(error.code);
  for (const std::string& code : codes) {
    INFO(code);
    CHECK(text.find("`" + code + "`") != std::string::npos);
  }
}

}  // namespace
}  // namespace framemill::jobs
