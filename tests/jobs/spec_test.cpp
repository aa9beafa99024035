#include "jobs/spec.h"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <fstream>

#include "tests/jobs/plan_support.h"

namespace framemill::jobs {
namespace {

using namespace test;

std::string read(const std::string& path) {
  std::ifstream file(std::string(FRAMEMILL_SOURCE_DIR) + "/" + path);
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

JobSpec parsed(std::string_view text, const SpecOverrides& overrides = {}) {
  ParsedSpec result = parse_spec(text, SpecFormat::Detect, overrides);
  for (const SpecError& error : result.errors)
    UNSCOPED_INFO(error.code << " " << error.field << " line " << error.line.value_or(0) << ": " << error.message);
  REQUIRE(result.spec);
  return std::move(*result.spec);
}

std::string first_code(std::string_view text, const SpecOverrides& overrides = {},
                       SpecFormat format = SpecFormat::Detect) {
  const ParsedSpec result = parse_spec(text, format, overrides);
  return result.errors.empty() ? "ok" : result.errors.front().code;
}

const std::string kHead = "api = \"framemill/v1\"\nname = \"t\"\nshow = \"s\"\nshot = \"sh\"\n";
const std::string kLayer = "[[layer]]\nname = \"a\"\nkind = \"generate\"\nmodel = \"clips@1\"\nprompt = \"x\"\n";
const std::string kGood = kHead + kLayer + "frames = \"1-16\"\n";

TEST_CASE("a small spec gets the documented defaults") {
  const JobSpec spec = parsed(kGood);
  CHECK(spec.priority == 50);
  CHECK_FALSE(spec.version);
  CHECK_FALSE(spec.deadline);
  CHECK(spec.shot_range == FrameSpan{1, 16, 1});
  REQUIRE(spec.layers.size() == 1);
  const LayerSpec& layer = spec.layers[0];
  CHECK(layer.shot == "sh");
  CHECK(layer.retries == 3);
  CHECK_FALSE(layer.chunk);
  CHECK_FALSE(layer.timeout);
  CHECK(layer.root == "main");
  CHECK(layer.reproducibility == Reproducibility::Stable);
  CHECK(layer.output ==
        "{show}/{sequence}/{shot}/{layer}/v{version:03}/{shot}_{layer}_t{variant:02}_v{version:03}.{frame:04}.exr");
  const auto& work = std::get<GenerateSpec>(layer.work);
  CHECK(work.variant_seeds == std::vector<std::uint64_t>{1});
  CHECK(work.plan == PlanStrategy::Independent);
  CHECK_FALSE(work.steps);
}

TEST_CASE("handles widen frames at those ends of the shot range that they reach") {
  const std::string head = kHead + "shot_range = \"1001-1096\"\nhandles = \"+8\"\n" + kLayer;
  CHECK(parsed(head).layers[0].frames.text() == "993-1104");
  CHECK(parsed(head + "frames = \"1001-1010\"").layers[0].frames.text() == "993-1010");
  CHECK(parsed(head + "frames = \"1090-1096\"").layers[0].frames.text() == "1090-1104");
  const JobSpec middle = parsed(head + "frames = \"1020,1030\"");
  CHECK(middle.layers[0].frames.text() == "1020,1030");
  CHECK(middle.layers[0].shot_range == FrameSpan{993, 1104, 1});
  CHECK(middle.shot_range == FrameSpan{993, 1104, 1});
  CHECK(middle.handles == 8);
}

TEST_CASE("a layer with its own shot range takes the job's handles only when it says so") {
  const std::string head =
      kHead + "shot_range = \"1001-1096\"\nhandles = \"+8\"\n" + kLayer + "shot_range = \"1-16\"\n";
  CHECK(parsed(head).layers[0].frames.text() == "1-16");
  CHECK(parsed(head + "handles = 2").layers[0].frames.text() == "-1-18");
  CHECK(parsed(head + "frames = \"2-5\"\nhandles = 2").layers[0].frames.text() == "2-5");
}

TEST_CASE("variants count up from the seed or name their seeds") {
  const auto seeds = [](const std::string& keys) {
    return std::get<GenerateSpec>(parsed(kGood + keys).layers[0].work).variant_seeds;
  };
  CHECK(seeds("seed = 7\nvariants = 3\n") == std::vector<std::uint64_t>{7, 8, 9});
  CHECK(seeds("variants = [5, 1]\n") == std::vector<std::uint64_t>{5, 1});
  CHECK(seeds("seed = 9223372036854775807\n") == std::vector<std::uint64_t>{9223372036854775807ull});
}

TEST_CASE("a layer without a prompt takes that of the layer it starts from") {
  const std::string chain =
      "[[layer]]\nname = \"{}\"\nkind = \"generate\"\nmodel = \"clips@1\"\nframes = \"1-16\"\n"
      "plan = \"chain\"\ninput = [{{layer = \"{}\"}}]\n";
  const JobSpec spec = parsed(kGood + "negative_prompt = \"fog\"\n" + fmt::format(fmt::runtime(chain), "b", "a") +
                                  fmt::format(fmt::runtime(chain), "c", "b"),
                              {{"layer.a.prompt", "a red boat"}});
  CHECK(std::get<GenerateSpec>(spec.layers[2].work).prompt == "a red boat");
  CHECK(std::get<GenerateSpec>(spec.layers[2].work).negative_prompt == "fog");
}

TEST_CASE("a command that names its frame takes one task at a time") {
  const std::string command = kHead + "[[layer]]\nname = \"a\"\nkind = \"command\"\nframes = \"1-4\"\n";
  CHECK(parsed(command + "argv = [\"convert\", \"x.{frame}\"]").layers[0].chunk == 1u);
  CHECK_FALSE(parsed(command + "argv = [\"convert\", \"{chunk_first}\"]").layers[0].chunk);
  CHECK(parsed(command + "argv = [\"convert\", '{\"json\": 1}', \"{}\", \"{A}\"]").layers[0].chunk == 1u);
}

TEST_CASE("an output part that is nothing but an absent sequence is left out") {
  const JobPlan plan = plan_job(parsed(kGood), 3, Packages(package(16, 4))).plan.value();
  CHECK(output_path(plan.phases[1], 5) == "s/sh/a/v003/sh_a_t00_v003.0005.exr");
}

TEST_CASE("overrides set any key, as TOML values or plain words") {
  const auto prompt = [](std::string value) {
    return std::get<GenerateSpec>(parsed(kGood, {{"layer.a.prompt", std::move(value)}}).layers[0].work).prompt;
  };
  CHECK(prompt("snowy hills, red boat") == "snowy hills, red boat");
  CHECK(prompt("\"snowy \\\"hills\\\"\"") == "snowy \"hills\"");
  CHECK(prompt("42") == "42");
  CHECK(prompt("true") == "true");
  CHECK(prompt("x\ny = 1") == "x\ny = 1");
  CHECK(parsed(kGood, {{"priority", "70"}, {"layer.0.frames", "3"}}).layers[0].frames.text() == "3");
  CHECK(parsed(kGood, {{"layer.a.needs.cpus", "2"}}).layers[0].needs.cpus == 2u);
  CHECK(parsed(kGood, {{"version", "next"}}).version == std::nullopt);
  CHECK(parsed(kGood, {{"tags", "[\"x\"]"}}).tags == std::vector<std::string>{"x"});
  CHECK(first_code(kGood, {{"layer.b.prompt", "x"}}) == "spec.unknown_layer");
  CHECK(first_code(kGood, {{"layer.a", "x"}}) == "spec.bad_override");
  CHECK(first_code(kGood, {{"", "x"}}) == "spec.bad_override");
  CHECK(first_code(kGood, {{"name.x", "1"}}) == "spec.bad_override");
  CHECK(first_code(kGood, {{"layer.a.promt", "x"}}) == "spec.unknown_key");
  CHECK(first_code(kGood, {{"layer.a.prompt", "\x1b[31m"}}) == "spec.control_character");
  CHECK(first_code(kGood, {{"layer.a.prompt", "\xff"}}) == "spec.bad_utf8");
}

TEST_CASE("texts beyond the limits are refused before they are understood") {
  CHECK(first_code(std::string(256 * 1024 + 1, ' ')) == "spec.too_large");
  CHECK(first_code(kGood + "negative_prompt = \"" + std::string(64 * 1024 + 1, 'x') + "\"\n") == "spec.too_large");
  std::string many = kGood;
  for (int i = 0; i < 10'001; ++i) many.append(fmt::format("k{} = 1\n", i));
  CHECK(first_code(many) == "spec.too_large");
  CHECK(first_code("name = \"\xff\xfe\"\n") == "spec.bad_utf8");
  CHECK(first_code("x = " + std::string(100'000, '[')) == "spec.too_deep");
  CHECK(first_code("x = " + std::string(100'000, '{')) == "spec.too_deep");
  std::string dotted = "a";
  for (int i = 0; i < 50'000; ++i) dotted += ".a";
  CHECK(first_code(dotted + " = 1") == "spec.too_deep");
  CHECK(first_code("[" + dotted + "]") == "spec.too_deep");
  CHECK(first_code("# " + dotted + "\n" + kGood) == "ok");
}

TEST_CASE("JSON texts beyond the limits are refused with the same codes") {
  CHECK(first_code("{\"x\": " + std::string(100'000, '[')) == "spec.too_deep");
  CHECK(first_code("{\"x\": \"" + std::string(64 * 1024 + 1, 'x') + "\"}") == "spec.too_large");
  std::string many = "{\"a\": 1";
  for (int i = 0; i < 10'001; ++i) many.append(fmt::format(", \"k{}\": 1", i));
  CHECK(first_code(many + "}") == "spec.too_large");
  CHECK(first_code("{\"a\": 1, \"a\": 2}") == "spec.duplicate_key");
  CHECK(first_code("{\"a\": 1} x") == "spec.syntax");
  CHECK(first_code("[]", {}, SpecFormat::Json) == "spec.syntax");
  CHECK(first_code("", {}, SpecFormat::Json) == "spec.syntax");
  CHECK(first_code("{\"seed\": 99999999999999999999}") != "ok");
}

TEST_CASE("a syntax error in JSON has a place, semantic ones have none") {
  const ParsedSpec broken = parse_spec("{\n  \"api\": \"framemill/v1\",\n  \"name\" \"x\"\n}");
  REQUIRE(broken.errors.size() == 1);
  CHECK(broken.errors[0].code == "spec.syntax");
  CHECK(broken.errors[0].line == 3u);
  CHECK(broken.errors[0].column == 10u);
}

TEST_CASE("no more than a hundred errors are reported") {
  std::string many = kGood;
  for (int i = 0; i < 500; ++i) many.append(fmt::format("k{} = 1\n", i));
  const ParsedSpec result = parse_spec(many);
  CHECK(result.errors.size() == 100);
  CHECK(result.errors.back().code == "spec.too_many_errors");
}

TEST_CASE("messages quote no control characters from the spec") {
  const ParsedSpec result = parse_spec(kGood + "\"\\u001b[2Jx\" = 1\n");
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].message.find('\x1b') == std::string::npos);
  CHECK(result.errors[0].field.find('\x1b') == std::string::npos);
}

TEST_CASE("the sample jobs are good, and their canonical form gives them back") {
  for (const char* path : {"harbor", "single_clip", "command_example", "tonight", "wan_t2v", "wan_chain"}) {
    INFO(path);
    const JobSpec spec = parsed(read(fmt::format("configs/jobs/{}.toml", path)));
    const std::string canonical = canonical_json(spec);
    CHECK(parsed(canonical) == spec);
    CHECK(canonical_json(parsed(canonical)) == canonical);
  }
}

TEST_CASE("the canonical form keeps handles, moments, sizes and seeds") {
  const JobSpec spec = parsed(kHead +
                              "handles = \"+8\"\nshot_range = \"1-100\"\ndeadline = 2026-12-24T18:00:00.25+01:00\n"
                              "version = 12\ntags = [\"a\", \"b\"]\n" +
                              kLayer +
                              "frames = \"1-50,100\"\nguidance = 1.1\ntimeout = \"90s\"\nvariants = [9, 3]\n"
                              "needs = {device_memory = \"1536MiB\", cpus = 2, device = \"cpu\"}\nchunk = 3\n");
  CHECK(spec.deadline == base::WallTime{1'798'131'600'250});
  CHECK(spec.layers[0].frames.text() == "-7-50,100-108");
  CHECK(parsed(canonical_json(spec)) == spec);
}

TEST_CASE("a job may start later, or after other jobs, and the canonical form keeps that") {
  const JobSpec spec = parsed(kHead + "start_after = \"2h\"\nafter_job = [12, \"14\", \"boards\", \"boards@3\", " +
                              "{name = \"plates\", version = 2, shot = \"hb_0010\", when = \"over\"}]\n" + kLayer +
                              "frames = \"1-16\"\n");
  CHECK(spec.start_delay == base::seconds(7200));
  CHECK_FALSE(spec.start_after);
  REQUIRE(spec.after_jobs.size() == 5);
  CHECK(spec.after_jobs[0] == JobReference{12, "", std::nullopt, "", false});
  CHECK(spec.after_jobs[1] == JobReference{14, "", std::nullopt, "", false});
  CHECK(spec.after_jobs[2] == JobReference{0, "boards", std::nullopt, "", false});
  CHECK(spec.after_jobs[3] == JobReference{0, "boards", 3, "", false});
  CHECK(spec.after_jobs[4] == JobReference{0, "plates", 2, "hb_0010", true});
  CHECK(parsed(canonical_json(spec)) == spec);
  const JobSpec dated =
      parsed(kHead + "start_after = 2026-12-24T18:00:00+01:00\nafter_job = \"12\"\n" + kLayer + "frames = \"1-16\"\n");
  CHECK(dated.start_after == base::WallTime{1'798'131'600'000});
  CHECK(dated.after_jobs.size() == 1);
  CHECK(parsed(canonical_json(dated)) == dated);
}

TEST_CASE("the limits of a layer are kept sorted, each once, and an absent key changes nothing") {
  const std::string rest = kLayer + "frames = \"1-16\"\n";
  const JobSpec spec = parsed(kHead + rest + "limits = [\"nuke\", \"disk\", \"nuke\"]\n");
  CHECK(spec.layers[0].limits == std::vector<std::string>{"disk", "nuke"});
  CHECK(parsed(canonical_json(spec)) == spec);
  CHECK(canonical_json(parsed(kHead + rest)).find("limits") == std::string::npos);
  const ParsedSpec bad = parse_spec(kHead + rest + "limits = [\"a b\"]\n", SpecFormat::Toml);
  REQUIRE_FALSE(bad.errors.empty());
  CHECK(bad.errors[0].field == "layer[0].limits[0]");
  const ParsedSpec other = parse_spec(kHead + rest + "licenses = [\"nuke\"]\n", SpecFormat::Toml);
  REQUIRE_FALSE(other.errors.empty());
  CHECK_THAT(other.errors[0].suggestion, Catch::Contains("limits"));
}

TEST_CASE("the job of several shots lists them in order of use") {
  const JobSpec spec = parsed(read("configs/jobs/harbor.toml"));
  CHECK(shots_of(spec) == std::vector<std::string>{"hb_all", "hb_0010", "hb_0020"});
  CHECK(spec.find_layer("hb_0020")->shot == "hb_0020");
  CHECK(spec.find_layer("hb_0030") == nullptr);
}

TEST_CASE("packages decide models, vocabulary, steps and guidance") {
  const JobSpec spec =
      parsed(kHead + kLayer + "frames = \"1-16\"\nsteps = 500\nguidance = 99\n", {{"layer.a.prompt", "a zebra"}});
  const auto errors = check_against_packages(spec, Packages(package(16, 4)));
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].code == "prompt.unknown_word");
  CHECK(errors[0].field == "layer[0].prompt");
  CHECK(errors[0].suggestion == "horse");
  CHECK(errors[1].field == "layer[0].steps");
  CHECK(errors[2].field == "layer[0].guidance");
  CHECK(check_against_packages(spec, Packages()).at(0).code == "spec.unknown_model");
}

TEST_CASE("a negative prompt needs guidance to work by") {
  const auto codes = [](const std::string& guidance, double of_package) {
    PackageFacts facts = package(16, 4);
    facts.default_guidance = of_package;
    const auto errors = check_against_packages(
        parsed(kHead + kLayer + "frames = \"1-16\"\nnegative_prompt = \"horse\"\n" + guidance), Packages(facts));
    std::vector<std::string> out;
    for (const auto& error : errors) out.push_back(error.code + " " + error.field);
    return out;
  };
  const std::vector<std::string> unused{"spec.unused_negative_prompt layer[0].negative_prompt"};
  CHECK(codes("", 1.0) == unused);
  CHECK(codes("guidance = 1\n", 3.0) == unused);
  CHECK(codes("", 3.0).empty());
  CHECK(codes("guidance = 2.5\n", 1.0).empty());
}

TEST_CASE("errors as JSON have a null place when they have none") {
  CHECK(
      errors_json({{"spec.x", 3, 4, "layer[0].frames", "m", "e", "s"}}) ==
      R"([{"code":"spec.x","line":3,"column":4,"field":"layer[0].frames","message":"m","expected":"e","suggestion":"s"}])");
  CHECK(errors_json({{"spec.x", {}, {}, "", "m", "", ""}}).find(R"("line":null,"column":null)") != std::string::npos);
}

TEST_CASE("any text at all is answered with a spec or with errors") {
  CHECK(rc::check([] {
    // Pieces of specs in disorder, which go further into the checks than bytes at random would.
    static const std::vector<std::string> pieces{kHead,
                                                 kLayer,
                                                 "frames = \"1-16\"\n",
                                                 "[[layer]]\n",
                                                 "name = ",
                                                 "\"a\"\n",
                                                 "{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 "\n",
                                                 "= 1\n",
                                                 "input = [{layer = \"a\"}]\n",
                                                 "kind = \"encode\"\n",
                                                 "\"",
                                                 "'",
                                                 "\"\"\"",
                                                 "\\",
                                                 "\xc3",
                                                 "#",
                                                 "variants = 3\n",
                                                 "output = \"{frame}\"\n",
                                                 "after = [\"a\"]\n",
                                                 ",",
                                                 ".",
                                                 "shot_range = \"1-4\"\n",
                                                 "handles = 3\n"};
    std::string text;
    for (const std::size_t piece :
         *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, pieces.size())))
      text += pieces[piece];
    for (const SpecFormat format : {SpecFormat::Toml, SpecFormat::Json}) {
      const ParsedSpec result = parse_spec(text, format);
      RC_ASSERT(result.spec.has_value() == result.errors.empty());
      for (const SpecError& error : result.errors) RC_ASSERT(error.code.starts_with("spec."));
    }
  }));
}

}  // namespace
}  // namespace framemill::jobs
