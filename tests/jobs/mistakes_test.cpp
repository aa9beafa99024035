// What people type and paste that is not TOML or JSON: every message says what to write instead.
#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>

#include "jobs/check.h"
#include "jobs/spec.h"

namespace framemill::jobs {
namespace {

const std::string kHead = "api = \"framemill/v1\"\nname = \"n\"\nshow = \"s\"\nshot = \"s1\"\n";
const std::string kLayer = "[[layer]]\nname = \"a\"\nkind = \"generate\"\nmodel = \"clips@1\"\nprompt = \"sea\"\n";

std::string told(const ParsedSpec& parsed) {
  std::string out;
  for (const SpecError& error : parsed.errors)
    out += fmt::format("{} {} {}:{} {} | {}\n", error.code, error.field, error.line.value_or(0),
                       error.column.value_or(0), error.message, error.suggestion);
  return out;
}

// The one error of a good spec with this line in its layer.
std::string layer_error(const std::string& line) {
  const std::string frames = line.starts_with("frames") ? "" : "frames = \"1-16\"\n";
  return told(parse_spec(kHead + kLayer + frames + line + "\n"));
}

TEST_CASE("a value without quotes is answered with the line as it should be") {
  CHECK(layer_error("frames = 1001-1100") ==
        "spec.unquoted layer[0].frames 10:1 write it in quotes: frames = \"1001-1100\" | \n");
  CHECK(layer_error("timeout = 5m") == "spec.unquoted layer[0].timeout 11:1 write it in quotes: timeout = \"5m\" | \n");
  CHECK(layer_error("frames = 1,5") == "spec.unquoted layer[0].frames 10:1 write it in quotes: frames = \"1,5\" | \n");
  CHECK(layer_error("frames = 1-10x2 # every second") ==
        "spec.unquoted layer[0].frames 10:1 write it in quotes: frames = \"1-10x2\" | \n");
  CHECK(layer_error("root = tests") == "spec.unquoted layer[0].root 11:1 write it in quotes: root = \"tests\" | \n");
  CHECK(layer_error("root = True") == "spec.unquoted layer[0].root 11:1 write it in quotes: root = \"True\" | \n");
  CHECK(layer_error("needs = {cpus = 2, host_memory = 8GiB}") ==
        "spec.unquoted layer[0].needs.host_memory 11:20 write it in quotes: host_memory = \"8GiB\" | \n");
  const std::string after = layer_error("after = [\n  # the boards\n  boards,\n]");
  CHECK(after.find("layer[0].after[0] 13:3 ") != std::string::npos);
  CHECK(after.find("| write the value in quotes") != std::string::npos);
  CHECK(layer_error("shot = 0010") == "spec.unquoted layer[0].shot 11:1 write it in quotes: shot = \"0010\" | \n");
}

TEST_CASE("a value of another type is shown as a string where a string belongs") {
  CHECK(layer_error("root = true").find("write it in quotes: root = \"true\"") != std::string::npos);
  CHECK(layer_error("shot = 10").find("write it in quotes: shot = \"10\"") != std::string::npos);
  CHECK(layer_error("shot = 1.10").find("write it in quotes: shot = \"1.10\"") != std::string::npos);
  CHECK(layer_error("frames = 1001-10-10").find("write it in quotes: frames = \"1001-10-10\"") != std::string::npos);
  CHECK(layer_error("after = \"b\"").find("after = [\"b\"]") != std::string::npos);
}

TEST_CASE("quotation marks and blanks of a word processor are named and mended") {
  CHECK(layer_error("root = \u201Cmain\u201D") ==
        "spec.unquoted layer[0].root 11:1 write it in straight quotes: root = \"main\" | \n");
  CHECK(layer_error("root = \u2018main\u2019").find("root = \"main\"") != std::string::npos);
  const std::string blank = layer_error("root\u00A0= \"main\"");
  CHECK(blank.find("spec.control_character  11:5 U+00A0 (no-break space) outside a string") != std::string::npos);
  CHECK(layer_error("ro\u200Bot = \"main\"").find("U+200B (zero width space) outside a string: delete it") !=
        std::string::npos);
}

TEST_CASE("YAML, comments and brackets of other languages get a hint") {
  CHECK(layer_error("root: \"main\"").find("write \"=\" instead of \":\"") != std::string::npos);
  CHECK(layer_error("// a comment").find("a comment begins with #") != std::string::npos);
  CHECK(layer_error("root main").find("write KEY = VALUE") != std::string::npos);
  CHECK(layer_error("root =").find("a value is missing") != std::string::npos);
  CHECK(layer_error("output = \"plates\\x.{frame}.exr\"").find("write / in paths") != std::string::npos);
  CHECK(layer_error("root = \"main").find("a double quote is missing") != std::string::npos);
  CHECK(layer_error("---").find("YAML") != std::string::npos);
  CHECK(layer_error("<<<<<<< HEAD").find("merge") != std::string::npos);
  CHECK(layer_error("[roots]\na = 1\n[roots]")
            .find("spec.duplicate_key  13:1 'roots' is given twice | delete one of the two") != std::string::npos);
  const std::string single = told(parse_spec(kHead + "[layer]\nname = \"a\"\n[layer]\nname = \"b\"\n"));
  CHECK(single.find("write [[layer]], with two brackets") != std::string::npos);
}

TEST_CASE("an array that is never closed and a key of foreign letters are reported with their place") {
  const std::string open = told(parse_spec(kHead + "tags = [\"a\", \"b\"\n" + kLayer + "frames = \"1-16\"\n"));
  CHECK(open.find("a closing ] or a comma is missing before this") != std::string::npos);
  CHECK(std::count(open.begin(), open.end(), '\n') == 1);
  const std::string foreign = layer_error("r\u043Eot = \"main\"\ncfg = 3");
  CHECK(foreign.find("11:1 the key \"r\u043Eot\" holds U+043E; keys have ASCII letters only") != std::string::npos);
  CHECK(foreign.find("unknown key \"r\u043Eot\" | root") != std::string::npos);
  CHECK(foreign.find("unknown key \"cfg\" | guidance") != std::string::npos);
  const std::string yaml = told(parse_spec("api: framemill/v1\nname: test\nlayer:\n  - name: a\n    kind: generate\n"));
  CHECK(yaml.find("this looks like YAML, which is not supported") != std::string::npos);
  CHECK(std::count(yaml.begin(), yaml.end(), '\n') == 1);
  CHECK(told(parse_spec(std::string("a = 1\nb = \"\0\"", 13))).find("2:6 this file is not a text") !=
        std::string::npos);
}

TEST_CASE("values of another form are shown in the form that is read") {
  CHECK(layer_error("frames = [1, 2, 5]").find("frames = \"1,2,5\"") != std::string::npos);
  CHECK(layer_error("frames = {start = 1, end = 16}").find("frames = \"1-16\"") != std::string::npos);
  CHECK(layer_error("frames = 1001\u20131016").find("write frames = \"1001-1016\"") != std::string::npos);
  CHECK(layer_error("input = \"boards\"").find("input = [{layer = \"boards\"}]") != std::string::npos);
  CHECK(layer_error("retries = \"3\"").find("\"3\" is a string | write 3, without quotes") != std::string::npos);
  const auto expected = [](const std::string& line) {
    return parse_spec(kHead + kLayer + "frames = \"1-16\"\n" + line + "\n").errors.at(0).expected;
  };
  CHECK(expected("output = 'a\\b.{frame}.exr'") == "write / between directories");
  CHECK(expected("output = \"x.%04d.exr\"") == "write {frame:04} for the frame");
  const std::string good = kHead + kLayer + "frames = \"1-16\"\n";
  CHECK(told(parse_spec(good, SpecFormat::Toml, {{"layer.a.needs", "{device=cpu}"}}))
            .find("write 'needs={device=\"cpu\"}'") != std::string::npos);
}

TEST_CASE("JSON without its quotes is answered in JSON, with everything else that is wrong") {
  const std::string text =
      "{\"api\": \"framemill/v1\", name: \"n\", \"show\": 's', \"shot\": s1,\n"
      " \"priority\": 101, \"layer\": [{\"name\": \"a\", \"kind\": \"generate\", \"model\": \"clips@1\",\n"
      "  \"prompt\": \"sea\", \"frames\": 1,5, \"timeout\": 5m, \"seed\": 9223372036854775808}]}";
  CHECK(told(parse_spec(text)) ==
        "spec.syntax  1:25 write the key in double quotes: \"name\" | \n"
        "spec.out_of_range priority 0:0 101 is not in 0 to 100 | \n"
        "spec.out_of_range layer[0].seed 0:0 9223372036854775808 is not in 0 to 9223372036854775807 | \n"
        "spec.unquoted show 1:44 write it in straight double quotes: \"show\": \"s\" | \n"
        "spec.unquoted shot 1:57 write it in quotes: \"shot\": \"s1\" | \n"
        "spec.unquoted layer[0].frames 3:30 write it in quotes: \"frames\": \"1,5\" | \n"
        "spec.unquoted layer[0].timeout 3:46 write it in quotes: \"timeout\": \"5m\" | \n");
  const auto hint = [](std::string_view json) { return told(parse_spec(json, SpecFormat::Json)); };
  CHECK(hint("<!DOCTYPE html><html></html>").find("this looks like XML or HTML") != std::string::npos);
  CHECK(hint("{\"a\": 1,}").find("delete the comma") != std::string::npos);
  CHECK(hint("{\"a\": 1 \"b\": 2}").find("a comma is missing") != std::string::npos);
  CHECK(hint("{\"a\": 1, // x\n\"b\": 2}").find("JSON has no comments") != std::string::npos);
  const std::string mixed =
      "{\"api\": \"framemill/v1\", \"name\": \"n\", \"show\": \"s\", \"shot\": \"s1\", // the shot\n"
      " \"name\": \"again\", \"cfg\": 1, \"tags\": [\"a\",],\n"
      " \"layer\": [{\"name\": \"a\", \"kind\": \"generate\", \"model\": \"clips@1\", \"prompt\": \"sea\",\n"
      "  \"frames\": 1-5, \"prompt\": \"again\"}],}";
  CHECK(told(parse_spec(mixed)) ==
        "spec.syntax  1:65 JSON has no comments: delete this one, or write TOML | \n"
        "spec.duplicate_key name 2:2 the key \"name\" is given twice | delete one of the two\n"
        "spec.syntax  2:41 delete the comma before the closing bracket | \n"
        "spec.duplicate_key prompt 4:16 the key \"prompt\" is given twice | delete one of the two\n"
        "spec.syntax  4:37 delete the comma before the closing bracket | \n"
        "spec.unknown_key cfg 0:0 unknown key \"cfg\" | \n"
        "spec.unquoted layer[0].frames 4:13 write it in quotes: \"frames\": \"1-5\" | \n");
  CHECK(hint("{\"a\": [1, 2").find("ends too early") != std::string::npos);
}

TEST_CASE("an override without quotes is a string, and a number beyond 64 bits is refused with its limit") {
  const std::string good = kHead + kLayer + "frames = \"1-16\"\n";
  const auto with = [&](const std::string& key, const std::string& value) {
    return told(parse_spec(good, SpecFormat::Toml, {{key, value}}));
  };
  CHECK(with("layer.a.frames", "1001-1100").empty());
  CHECK(with("layer.a.frames", "1,5").empty());
  CHECK(with("layer.a.timeout", "5m").empty());
  CHECK(with("shot", "true").empty());
  CHECK(with("layer.a.seed", "18446744073709551616")
            .find("spec.out_of_range layer[0].seed 0:0 18446744073709551616 is not in 0 to 9223372036854775807") == 0);
  CHECK(with("layer.a.guidance", "7,5").find("write 7.5") != std::string::npos);
  CHECK(with("tags", "[a, b]").find("tags = [\"a\", \"b\"]") != std::string::npos);
}

TEST_CASE("a byte order mark is skipped, and other encodings are named with the line") {
  const std::string good = kHead + kLayer + "frames = \"1-16\"\n";
  const std::string json =
      "{\"api\": \"framemill/v1\", \"name\": \"n\", \"show\": \"s\", \"shot\": \"s1\", \"layer\": [{\"name\": \"a\", "
      "\"kind\": \"generate\", \"model\": \"clips@1\", \"prompt\": \"sea\", \"frames\": \"1-16\"}]}";
  for (const std::string& text : {good, json}) {
    CHECK(told(parse_spec("\xef\xbb\xbf" + text)).empty());
    std::string wide = "\xff\xfe", wide_without_mark;
    for (const char c : text) (wide += c) += '\0';
    for (const char c : text) (wide_without_mark += '\0') += c;
    CHECK(told(parse_spec(wide)).find("1:1 this file is UTF-16; save it as UTF-8") != std::string::npos);
    CHECK(told(parse_spec(wide_without_mark)).find("this file is UTF-16; save it as UTF-8") != std::string::npos);
  }
  CHECK(detected_format("\xef\xbb\xbf{}") == SpecFormat::Json);
  const std::string latin = told(parse_spec(kHead + "# Gr\xfc\xdf"
                                                    "e\n"));
  CHECK(latin.find("5:5 line 5 holds the byte 0xFC (\"\u00FC\" in Latin-1), which is not UTF-8") != std::string::npos);
}

class OnePackage final : public PackageCatalogue {
 public:
  OnePackage() {
    facts_.name = "clips";
    facts_.version = "1";
    facts_.window_frames = 16;
    facts_.steps_max = 50;
    facts_.guidance_max = 10;
  }
  const PackageFacts* find(std::string_view id) const override { return id == "clips@1" ? &facts_ : nullptr; }
  std::vector<std::string> ids() const override { return {"clips@1"}; }
  base::Status check_prompt(std::string_view, std::string_view prompt) const override {
    if (prompt == "dragon") return base::Error{"prompt.unknown_word", "'dragon' is unknown", "prompt", ""};
    return {};
  }

 private:
  PackageFacts facts_;
};

TEST_CASE("what only the packages know is reported beside mistakes of form and behind a misspelt model") {
  const OnePackage packages;
  const CheckReport report = check_job(
      kHead +
          "priority = 101\n[[layer]]\nname = \"a\"\nkind = \"generate\"\nmodel = \"clip@1\"\nprompt = \"dragon\"\n"
          "frames = 1-16\nsteps = 51\n[[layer]]\nname = \"b\"\nkind = \"generate\"\nmodel = \"clips\"\n"
          "prompt = \"dragon\"\nframes = \"1-16\"\n",
      SpecFormat::Detect, {}, &packages);
  std::string codes;
  for (const SpecError& error : report.errors) codes += error.code + " " + error.field + "\n";
  CHECK(codes ==
        "spec.out_of_range priority\nspec.bad_model layer[1].model\nspec.unquoted layer[0].frames\n"
        "spec.unknown_model layer[0].model\nprompt.unknown_word layer[0].prompt\nspec.out_of_range layer[0].steps\n");
  CHECK(report.errors[3].suggestion == "clips@1");
  CHECK(report.errors[3].line == 9u);
}

}  // namespace
}  // namespace framemill::jobs
