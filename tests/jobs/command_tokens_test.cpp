#include "jobs/command_tokens.h"

#include "jobs/kinds/command_run.h"

#include <catch2/catch.hpp>

#include "tests/jobs/plan_support.h"

namespace framemill::jobs {
namespace {

using namespace test;

// "text|<token>|text"
std::string cut(std::string_view argument) {
  std::string out;
  for (const ArgumentPart& part : parts_of(argument)) {
    if (!out.empty()) out += '|';
    if (part.token.empty()) {
      out += part.text;
      continue;
    }
    out += "<" + std::string(part.token);
    if (!part.input.empty()) out += "=" + std::string(part.input);
    if (part.width > 0) out += "/" + std::to_string(part.width);
    out += ">";
  }
  return out;
}

TEST_CASE("an argument is cut into its tokens and the text between them") {
  CHECK(cut("{input}") == "<input>");
  CHECK(cut("in={input:plate},{input:0}") == "in=|<input=plate>|,|<input=0>");
  CHECK(cut("{frame:04}.exr") == "<frame/4>|.exr");
  CHECK(cut("{shot}{layer}") == "<shot>|<layer>");
}

TEST_CASE("braces that are no token are text and stay as they are") {
  for (const char* argument : {"{TOP.width/2}x0", "{\"take\": 2}", "{}", "{{frame", "}{", "{input", "{ frame }",
                               "{Frame}", "{frame:4}", "{shot:03}", "{input:}", "{input:a b}", "${HOME}", "{{{"})
    CHECK(cut(argument) == argument);
  CHECK(cut("{{frame}}") == "{|<frame>|}");
}

const std::string kHead =
    "api = \"framemill/v1\"\nname = \"t\"\nshow = \"s\"\nshot = \"sh\"\n"
    "[[layer]]\nname = \"a\"\nkind = \"generate\"\nmodel = \"clips@1\"\nprompt = \"x\"\nframes = \"1-20\"\n"
    "seed = 5\nvariants = 3\n"
    "[[layer]]\nname = \"b\"\nkind = \"command\"\n";

ParsedSpec command(const std::string& rest) {
  return parse_spec(kHead + rest);
}
std::string codes(const std::string& rest) {
  std::string out;
  for (const SpecError& error : command(rest).errors) out += error.code.substr(5) + " " + error.field + "; ";
  return out;
}
LayerSpec good(const std::string& rest) {
  ParsedSpec parsed = command(rest);
  for (const SpecError& error : parsed.errors) UNSCOPED_INFO(error.field << ": " << error.message);
  REQUIRE(parsed.spec);
  CHECK(parse_spec(canonical_json(*parsed.spec)).spec == parsed.spec);
  return parsed.spec->layers[1];
}

const std::string kIn = "frames = \"1-20\"\ninput = [{layer = \"a\"}]\n";

TEST_CASE("a command that is given no range of frames runs once for each") {
  CHECK(good("argv = [\"cp\", \"{input}\", \"{output}\"]\n" + kIn).chunk == 1u);
  CHECK(good("argv = [\"cp\", \"{input}\", \"{output}\"]\nchunk = \"auto\"\n" + kIn).chunk == 1u);
  CHECK(good("argv = [\"cp\", \"{input}\", \"{output}\"]\nchunk = 5\n" + kIn).chunk == 5u);
  CHECK_FALSE(good("argv = [\"oiio\", \"{frames}\", \"{input}\", \"{output}\"]\n" + kIn).chunk);
}

TEST_CASE("tokens of inputs are settled when the spec is read, never at each task") {
  const std::string two =
      "frames = \"1-20\"\ninput = [{layer = \"a\"}, {layer = \"a\", variant = 1, name = \"plate\"}]\n";
  good("argv = [\"x\", \"{input:0}\", \"{input:1}\", \"{input:plate}\"]\n" + two);
  CHECK(codes("argv = [\"x\", \"{input}\"]\n" + two) == "input_token layer[1].argv; ");
  CHECK(codes("argv = [\"x\", \"{input:2}\"]\n" + two) == "input_token layer[1].argv; ");
  CHECK(codes("argv = [\"x\", \"{input:palte}\"]\n" + two) == "input_token layer[1].argv; ");
  CHECK(command("argv = [\"x\", \"{input:palte}\"]\n" + two).errors[0].suggestion == "plate");
  CHECK(codes("argv = [\"x\", \"{input}\"]\nframes = \"1-20\"\n") == "input_token layer[1].argv; ");
  CHECK(codes("argv = [\"x\", \"{seed}\"]\nframes = \"1-20\"\n") == "unknown_token layer[1].argv; ");
  good("argv = [\"x\", \"{seed}\", \"{prompt}\", \"{variant:02}\", \"{job}\", \"{sequence}\"]\n" + kIn);
  CHECK(codes("argv = [\"x\", \"{ouput}\"]\n" + kIn) == "unknown_token layer[1].argv[1]; ");
  good("argv = [\"x\", \"{width}\", \"{TOP.width/2}x0\", \"{\\\"take\\\": 2}\"]\n" + kIn);
}

TEST_CASE("inputs have names of their own, and a role that fits") {
  const std::string x = "argv = [\"x\"]\nframes = \"1-20\"\n";
  CHECK(codes(x + "input = [{layer = \"a\", name = \"p\"}, {layer = \"a\", name = \"p\"}]\n") ==
        "duplicate_input layer[1].input[1].name; ");
  CHECK(codes(x + "input = [{layer = \"a\", name = \"12\"}]\n") == "bad_name layer[1].input[0].name; ");
  CHECK(codes(x + "input = [{layer = \"a\", role = \"context\"}]\n") == "unknown_value layer[1].input[0].role; ");
  good(x + "input = [{layer = \"a\", role = \"frames\"}]\n");
}

TEST_CASE("a command writes frames that its inputs have, or says which it needs") {
  const std::string x = "argv = [\"x\", \"{input}\"]\nframes = \"15-24\"\ninput = [{layer = \"a\"}]\n";
  CHECK(codes(x) == "input_missing_frames layer[1].input[0]; ");
  CHECK(good(x + "needs_frames = \"all\"\n").work == LayerSpec{good(x + "needs_frames = \"all\"\n")}.work);
  CHECK(std::get<CommandSpec>(good("argv = [\"x\"]\nneeds_frames = \"-2..+1\"\n" + kIn).work).needs_frames ==
        FrameReach{false, -2, 1});
  for (const char* reach : {"1", "+1..+2", "-2..-1", "-1..", "-9999..0", "-1..1..2", "everything", ""})
    CHECK_FALSE(command("argv = [\"x\"]\nneeds_frames = \"" + std::string(reach) + "\"\n" + kIn).spec);
}

TEST_CASE("one task of all frames makes one file, or a file a frame") {
  const std::string movie = "argv = [\"ffmpeg\", \"-i\", \"{input}\", \"{output}\"]\ntask = \"all\"\n" + kIn;
  const LayerSpec one = good(movie + "output = \"{shot}_{layer}.mov\"\n");
  CHECK_FALSE(one.makes_frames());
  CHECK(one.chunk == 1u);
  CHECK(good(movie).makes_frames());
  CHECK(codes(movie + "chunk = 5\n") == "conflicting_keys layer[1].chunk; ");
  CHECK(codes("argv = [\"x\", \"{frame}\"]\ntask = \"all\"\n" + kIn) == "frame_needs_chunk_1 layer[1].argv; ");
  const std::string gaps = "frames = \"1-3,9\"\ninput = [{layer = \"a\"}]\ntask = \"all\"\n";
  CHECK(codes("argv = [\"x\", \"{chunk_first}-{chunk_last}\"]\n" + gaps) == "uneven_frames layer[1].frames; ");
  CHECK(codes("argv = [\"x\", \"{step}\"]\n" + gaps) == "uneven_frames layer[1].frames; ");
  good("argv = [\"x\", \"{frames}\"]\n" + gaps);
}

PhasePlan phase_with(std::string_view text) {
  PhasePlan phase;
  phase.kind = PhaseKind::Command;
  phase.frames = frames(text);
  phase.task_count = static_cast<std::uint32_t>(phase.frames.count());
  return phase;
}

TEST_CASE("a run that is handed over as first to last ends at gaps and steps") {
  using Spacing = CommandRun::Spacing;
  const PhasePlan gaps = phase_with("1-3,90,99");
  CHECK(tasks_in_one_run(gaps, Spacing::Any, 0, 5) == 5);
  CHECK(tasks_in_one_run(gaps, Spacing::Neighbours, 0, 5) == 3);
  CHECK(tasks_in_one_run(gaps, Spacing::Neighbours, 1, 4) == 2);
  CHECK(tasks_in_one_run(gaps, Spacing::Neighbours, 3, 2) == 1);
  CHECK(tasks_in_one_run(gaps, Spacing::Even, 0, 5) == 3);
  CHECK(tasks_in_one_run(gaps, Spacing::Even, 3, 2) == 2);
  const PhasePlan twos = phase_with("1-19x2,40-45");
  CHECK(tasks_in_one_run(twos, Spacing::Neighbours, 0, 8) == 1);
  CHECK(tasks_in_one_run(twos, Spacing::Even, 0, 16) == 10);
  CHECK(tasks_in_one_run(twos, Spacing::Even, 2, 5) == 5);
  CHECK(tasks_in_one_run(twos, Spacing::Neighbours, 10, 50) == 6);
}

TEST_CASE("the spacing that a command needs follows from its tokens") {
  using Spacing = CommandRun::Spacing;
  const auto spacing = [](const std::string& arguments) {
    const LayerSpec layer = good("argv = [\"x\", " + arguments + "]\n" + kIn);
    return command_run(layer, std::get<CommandSpec>(layer.work)).spacing;
  };
  CHECK(spacing("\"{chunk_first}-{chunk_last}\"") == Spacing::Neighbours);
  CHECK(spacing("\"{chunk_first}-{chunk_last}x{step}\"") == Spacing::Even);
  CHECK(spacing("\"{frames}\"") == Spacing::Any);
  CHECK(spacing("\"{frames}\", \"{chunk_first}\"") == Spacing::Any);
}

}  // namespace
}  // namespace framemill::jobs
