#include "jobs/plan.h"

#include <catch2/catch.hpp>

#include "tests/jobs/plan_support.h"

namespace framemill::jobs {
namespace {

using namespace test;

JobPlan planned(const JobSpec& spec, const PackageFacts& facts) {
  auto result = plan_job(spec, 1, Packages(facts));
  for (const SpecError& error : result.errors) UNSCOPED_INFO(error.code << " " << error.field << ": " << error.message);
  REQUIRE(result.plan);
  return std::move(*result.plan);
}

std::string first_code(const JobSpec& spec, const PackageFacts& facts) {
  const auto result = plan_job(spec, 1, Packages(facts));
  return result.errors.empty() ? "ok" : result.errors.front().code;
}

// For needs whose formulas know nothing of a phase but how many tasks it has.
PhasePlan counted(std::uint32_t tasks) {
  PhasePlan phase;
  phase.task_count = tasks;
  return phase;
}
TaskRange needed_by(const Need& need, TaskIndex t, std::uint32_t needed) {
  return tasks_needed(need, {}, t, counted(needed));
}
TaskRange waiting_on(const Need& need, TaskRange done, std::uint32_t needed, std::uint32_t own) {
  return tasks_waiting_on(need, counted(own), done, counted(needed));
}

TEST_CASE("an independent layer becomes denoise and decode with one task per window") {
  const JobPlan plan =
      planned(job({generate("boards", "1001-1040", {1001, 1040}, PlanStrategy::Independent)}), package(16, 4));
  REQUIRE(plan.phases.size() == 2);
  const PhasePlan& denoise = plan.phases[0];
  const PhasePlan& decode = plan.phases[1];
  CHECK(denoise.kind == PhaseKind::Denoise);
  CHECK(decode.kind == PhaseKind::Decode);
  CHECK(denoise.task_count == 3);
  CHECK(denoise.needs.empty());
  CHECK(denoise.frames.empty());
  CHECK(denoise.output_pattern.empty());
  CHECK(task_frames(decode, 0).text() == "1001-1016");
  CHECK(task_frames(decode, 2).text() == "1033-1040");  // made whole, trimmed
  REQUIRE(decode.needs.size() == 1);
  CHECK(decode.needs[0].reads_files);
  CHECK(needed_by(decode.needs[0], 2, 3) == TaskRange{2, 1});
  CHECK(output_path(decode, 1003) == "sh_0010/boards_t00_v001.1003.exr");
}

TEST_CASE("each window of a chain needs the one before and skips its context") {
  const JobPlan plan = planned(job({generate("comp", "1001-1040", {1001, 1040}, PlanStrategy::Chain)}), package(16, 4));
  const PhasePlan& denoise = plan.phases[0];
  CHECK(denoise.grid.stride() == 12);
  CHECK(denoise.task_count == 3);
  REQUIRE(denoise.needs.size() == 1);
  CHECK(denoise.needs[0].is_context);
  CHECK(needed_by(denoise.needs[0], 0, 3).empty());
  CHECK(needed_by(denoise.needs[0], 2, 3) == TaskRange{1, 1});
  CHECK(waiting_on(denoise.needs[0], {0, 1}, 3, 3) == TaskRange{1, 1});
  CHECK(waiting_on(denoise.needs[0], {2, 1}, 3, 3).empty());
  CHECK(task_frames(plan.phases[1], 0).text() == "1001-1016");
  CHECK(task_frames(plan.phases[1], 1).text() == "1017-1028");
  CHECK(denoise.grid.first_latent(2) == 24);
}

TEST_CASE("a chain with an input starts its context before the shot") {
  auto boards = generate("boards", "1-16", {1, 16}, PlanStrategy::Independent, 3);
  auto comp = generate("comp", "1001-1036", {1001, 1036}, PlanStrategy::Chain);
  comp.inputs = {from("boards", 2)};
  const JobPlan plan = planned(job({comp, boards}), package(16, 4));  // the input may stand behind its reader
  REQUIRE(plan.phases.size() == 8);
  const PhasePlan& denoise = plan.phases[0];
  CHECK(denoise.grid.origin == 997);
  CHECK(denoise.task_count == 3);
  CHECK(task_frames(plan.phases[1], 0).text() == "1001-1012");
  REQUIRE(denoise.needs.size() == 2);
  const Need& context = denoise.needs[0];
  CHECK(context.phase == 7);
  CHECK(plan.phases[7].variant == 2);
  CHECK(context.is_context);
  CHECK(context.reads_files);
  CHECK(context.frames.text() == "13-16");
  CHECK(context.input == 0);
  CHECK(needed_by(context, 0, 1) == TaskRange{0, 1});
  CHECK(needed_by(context, 1, 1).empty());
}

TEST_CASE("an input that does not end in enough neighbours is refused") {
  auto boards = generate("boards", "1-16", {1, 16}, PlanStrategy::Independent);
  auto comp = generate("comp", "1001-1036", {1001, 1036}, PlanStrategy::Chain);
  comp.inputs = {from("boards", 0, frames("1-12,15-16"))};
  CHECK(first_code(job({boards, comp}), package(16, 4)) == "spec.input_too_short");
  comp.inputs = {from("boards", 0, frames("14-16"))};
  CHECK(first_code(job({boards, comp}), package(16, 4)) == "spec.input_too_short");
  comp.inputs = {from("boards", 0, frames("2-5"))};
  CHECK(first_code(job({boards, comp}), package(16, 4)) == "ok");
}

TEST_CASE("a subset of an independent layer has only the windows that hold its frames") {
  const JobPlan plan =
      planned(job({generate("comp", "5,40-41,100", {1, 112}, PlanStrategy::Independent)}), package(16, 4));
  CHECK(plan.phases[0].windows == std::vector<TaskRange>{{0, 1}, {2, 1}, {6, 1}});
  CHECK(plan.phases[1].windows == plan.phases[0].windows);
  CHECK(task_frames(plan.phases[1], 1).text() == "40-41");
  CHECK(task_window(plan.phases[1], 2) == 6);
  CHECK(window_task(plan.phases[1], 2) == 1u);
  CHECK_FALSE(window_task(plan.phases[1], 3));
  CHECK(tasks_of_frames(plan.phases[1], 41, 100) == TaskRange{1, 2});
  CHECK(tasks_of_frames(plan.phases[1], 42, 99).empty());
}

TEST_CASE("a subset of a chain denoises from the start and decodes only its frames' windows") {
  const JobPlan plan = planned(job({generate("comp", "5,60", {1, 112}, PlanStrategy::Chain)}), package(16, 4));
  CHECK(plan.phases[0].windows == std::vector<TaskRange>{{0, 5}});
  CHECK(plan.phases[1].windows == std::vector<TaskRange>{{0, 1}, {4, 1}});
  REQUIRE(plan.phases[1].needs.size() == 2);
  CHECK(needed_by(plan.phases[1].needs[0], 0, 5) == TaskRange{0, 1});
  CHECK(needed_by(plan.phases[1].needs[0], 1, 5).empty());
  CHECK(needed_by(plan.phases[1].needs[1], 1, 5) == TaskRange{4, 1});
  CHECK(waiting_on(plan.phases[1].needs[1], {0, 4}, 5, 2).empty());
  CHECK(waiting_on(plan.phases[1].needs[1], {3, 2}, 5, 2) == TaskRange{1, 1});
}

TEST_CASE("encode reads all frames of its inputs, or those it names") {
  auto wide = generate("wide", "1-32", {1, 32}, PlanStrategy::Independent);
  auto close = generate("close", "1-32", {1, 32}, PlanStrategy::Independent, 2);
  const JobPlan plan = planned(
      job({wide, close, gathering("cut", LayerKind::Encode, {from("wide"), from("close", 1, frames("20-30"))})}),
      package(16, 4));
  const PhasePlan& cut = plan.phases.back();
  CHECK(cut.kind == PhaseKind::Encode);
  CHECK(cut.task_count == 1);
  CHECK(cut.frames.empty());
  CHECK(cut.output_pattern == "sh_0010_cut_v001.mp4");
  REQUIRE(cut.needs.size() == 2);
  CHECK(cut.needs[0].form == Need::Form::All);
  CHECK(cut.needs[0].phase == 1);
  CHECK(cut.needs[1].form == Need::Form::Range);
  CHECK(cut.needs[1].range == TaskRange{1, 1});
  CHECK(cut.needs[1].frames.text() == "20-30");
  CHECK(cut.needs[1].phase == 5);
  CHECK(cut.needs[1].input == 1);
}

TEST_CASE("a sheet without a variant shows all variants of its input") {
  auto boards = generate("boards", "1-16", {1, 16}, PlanStrategy::Independent, 3);
  const JobPlan plan = planned(job({boards, gathering("sheet", LayerKind::Sheet, {from("boards")})}), package(16, 4));
  CHECK(plan.phases.back().needs.size() == 3);
}

TEST_CASE("after is order alone, on every variant's output") {
  auto boards = generate("boards", "1-16", {1, 16}, PlanStrategy::Independent, 2);
  auto comp = generate("comp", "1-16", {1, 16}, PlanStrategy::Independent);
  comp.after = {"boards"};
  const JobPlan plan = planned(job({boards, comp}), package(16, 4));
  const PhasePlan& denoise = plan.phases[4];
  REQUIRE(denoise.needs.size() == 2);
  CHECK(denoise.needs[0].phase == 1);
  CHECK(denoise.needs[1].phase == 3);
  CHECK_FALSE(denoise.needs[0].reads_files);
  CHECK(denoise.needs[0].form == Need::Form::All);
}

LayerInput plates(std::string_view text, std::string pattern = "hb/plate.{frame:04}.exr") {
  LayerInput input;
  input.root = "plates";
  input.pattern = std::move(pattern);
  if (!text.empty()) input.frames = frames(text);
  return input;
}

LayerSpec command(std::string name, std::string_view frame_text, std::vector<LayerInput> inputs,
                  const CommandSpec& work = {{"oiiotool", "{input}", "-o", "{output}"}, {}, false, {}}) {
  LayerSpec layer = generate(std::move(name), frame_text, {1, 1000}, PlanStrategy::Independent);
  layer.kind = LayerKind::Command;
  layer.inputs = std::move(inputs);
  layer.work = work;
  return layer;
}

TEST_CASE("a chain's first window reads the last frames of a root's plates, each variant's alike") {
  auto comp = generate("comp", "1-40", {1, 40}, PlanStrategy::Chain, 2);
  comp.inputs = {plates("1-3,11-16")};
  const JobPlan plan = planned(job({comp}), package(16, 4));
  for (const PhaseIndex denoise : {0u, 2u}) {
    const PhasePlan& phase = plan.phases[denoise];
    REQUIRE(phase.root_files.size() == 1);
    const RootFiles& files = phase.root_files[0];
    CHECK(files.is_context);
    CHECK(files.root == "plates");
    CHECK(frames_read(files, phase, 0).text() == "13-16");
    CHECK(frames_read(files, phase, 1).empty());
    CHECK(path_of(files, 13) == "hb/plate.0013.exr");
    CHECK(phase.grid.origin == -3);
    CHECK(plan.phases[denoise + 1].root_files.empty());
  }
  CHECK(plan_from_json(plan_json(plan)).value().phases == plan.phases);
}

TEST_CASE("encode and sheet read a root's files as they read a layer's, known by their place in the spec") {
  auto wide = generate("wide", "1-32", {1, 32}, PlanStrategy::Independent);
  for (const LayerKind kind : {LayerKind::Encode, LayerKind::Sheet}) {
    const JobPlan plan = planned(
        job({wide, gathering("cut", kind, {plates("5-6"), from("wide"), plates("9", "logo.png")})}), package(16, 4));
    const PhasePlan& cut = plan.phases.back();
    REQUIRE(cut.root_files.size() == 2);
    CHECK(cut.root_files[0].input == 0);
    CHECK(frames_read(cut.root_files[0], cut, 0).text() == "5-6");
    CHECK(cut.root_files[1].input == 2);
    CHECK(path_of(cut.root_files[1], 9) == "logo.png");
    REQUIRE(cut.needs.size() == 1);
    CHECK(cut.needs[0].input == 1);
  }
}

TEST_CASE("a task of a command needs the tasks that make the frame it writes, and names that frame alone") {
  auto comp = generate("comp", "1-64", {1, 64}, PlanStrategy::Chain);
  for (const bool subset : {false, true}) {
    const LayerInput input = from("comp", std::nullopt, subset ? std::optional(frames("10-40")) : std::nullopt);
    const JobPlan plan = planned(job({comp, command("grade", "15-18", {input})}), package(16, 4));
    const PhasePlan& decode = plan.phases[1];
    const PhasePlan& grade = plan.phases[2];
    REQUIRE(grade.needs.size() == 1);
    const Need& need = grade.needs[0];
    CHECK(tasks_needed(need, grade, 0, decode) == TaskRange{0, 1});  // frame 15
    CHECK(tasks_needed(need, grade, 2, decode) == TaskRange{1, 1});  // frame 17
    CHECK(frames_wanted(need, grade, 2).text() == "17");
    CHECK(tasks_waiting_on(need, grade, {1, 1}, decode) == TaskRange{2, 2});
    CHECK(tasks_waiting_on(need, grade, {3, 1}, decode).empty());
    CHECK(plan_from_json(plan_json(plan)).value().phases == plan.phases);
  }
}

TEST_CASE("a command's task reads as many neighbours as it asks for, or everything") {
  auto comp = generate("comp", "1-64", {1, 64}, PlanStrategy::Independent);
  const CommandSpec blur{{"oiiotool", "{input}", "-o", "{output}"}, {false, -1, 1}, false, {}};
  const JobPlan plan =
      planned(job({comp, command("blur", "1-64", {from("comp"), plates("1-64")}, blur)}), package(16, 4));
  const PhasePlan& phase = plan.phases[2];
  CHECK(tasks_needed(phase.needs[0], phase, 15, plan.phases[1]) == TaskRange{0, 2});
  CHECK(frames_wanted(phase.needs[0], phase, 15).text() == "15-17");
  CHECK(frames_read(phase.root_files[0], phase, 0).text() == "1-2");
  CHECK(frames_read(phase.root_files[0], phase, 63).text() == "63-64");

  CommandSpec all = blur;
  all.needs_frames = {true, 0, 0};
  const JobPlan whole =
      planned(job({comp, command("blur", "1-64", {from("comp"), plates("1-64")}, all)}), package(16, 4));
  CHECK(whole.phases[2].needs[0].form == Need::Form::All);
  CHECK(frames_read(whole.phases[2].root_files[0], whole.phases[2], 0).text() == "1-64");
}

TEST_CASE("one task that makes a movie of all frames reads the frames it is given, and has no frames of its own") {
  auto comp = generate("comp", "1-64", {1, 64}, PlanStrategy::Independent);
  LayerSpec movie = command("prores", "17-40", {from("comp"), plates("1-64")},
                            {{"ffmpeg", "-i", "{input:0}", "{output}"}, {}, true, {}});
  movie.output = "{shot}_{layer}.mov";
  const JobPlan plan = planned(job({comp, movie}), package(16, 4));
  const PhasePlan& phase = plan.phases[2];
  CHECK(phase.task_count == 1);
  CHECK(phase.frames.empty());
  CHECK(task_frames(phase, 0).empty());
  CHECK(phase.needs[0].form == Need::Form::Range);
  CHECK(phase.needs[0].range == TaskRange{1, 2});
  CHECK(phase.needs[0].frames.text() == "17-40");
  CHECK(frames_read(phase.root_files[0], phase, 0).text() == "17-40");
}

TEST_CASE("a plan with neither commands nor files of a root is what it always was") {
  auto boards = generate("boards", "1-16", {1, 16}, PlanStrategy::Independent, 2);
  auto comp = generate("comp", "1-40", {1, 40}, PlanStrategy::Chain);
  comp.inputs = {from("boards", 1)};
  const JobPlan plan = planned(job({boards, comp, gathering("cut", LayerKind::Encode, {from("comp")}),
                                    gathering("sheet", LayerKind::Sheet, {from("boards")})}),
                               package(16, 4));
  const std::string text = plan_json(plan);  // so its digest is the one that older versions gave it
  CHECK(text.find("root_files") == std::string::npos);
  CHECK(text.find("around") == std::string::npos);
}

TEST_CASE("a command has one task per frame") {
  LayerSpec layer = generate("grade", "1-10x3", {1, 10}, PlanStrategy::Independent);
  layer.kind = LayerKind::Command;
  layer.work = CommandSpec{{"oiiotool", "{output}"}, {}, false, {}};
  const JobPlan plan = planned(job({layer}), package(16, 4));
  REQUIRE(plan.phases.size() == 1);
  CHECK(plan.phases[0].task_count == 4);
  CHECK(task_frames(plan.phases[0], 3).text() == "10");
  CHECK(tasks_of_frames(plan.phases[0], 2, 8) == TaskRange{1, 2});
}

TEST_CASE("ten million frames are planned as a few words") {
  const auto big = generate("comp", "0-9999999", {0, 9'999'999}, PlanStrategy::Chain);
  const JobPlan plan = planned(job({big}), package(16, 4));
  CHECK(plan.phases[0].task_count == 833'333);
  for (const PhasePlan& phase : plan.phases) {
    CHECK(phase.windows.size() == 1);
    CHECK(phase.needs.size() == 1);
    CHECK(phase.frames.spans().size() <= 1);
  }
  CHECK(plan_json(plan).size() < 2'000);
  CHECK(task_frames(plan.phases[1], 833'332).last() == 9'999'999);
  CHECK(tasks_of_frames(plan.phases[1], 9'999'999, 9'999'999) == TaskRange{833'332, 1});
}

TEST_CASE("frames scattered over too many windows are refused") {
  const auto scattered = generate("comp", "0-9999999x1000", {0, 9'999'999}, PlanStrategy::Independent);
  CHECK(first_code(job({scattered}), package(16, 4)) == "spec.too_fragmented");
}

TEST_CASE("planning refuses packages that are unknown or cannot serve the plan") {
  auto layer = generate("comp", "1-16", {1, 16}, PlanStrategy::Chain);
  CHECK(first_code(job({layer}), package(16, 0)) == "spec.plan_not_supported");
  CHECK(first_code(job({layer}), package(16, 16)) == "spec.plan_not_supported");
  CHECK(first_code(job({layer}), package(16, 4, {4, 1})) == "spec.plan_not_supported");
  PackageFacts frames_carried = package(16, 4);
  frames_carried.carry = CarryKind::Frames;
  CHECK(first_code(job({layer}), frames_carried) == "spec.plan_not_supported");
  std::get<GenerateSpec>(layer.work).model = "clops@1";
  const auto result = plan_job(job({layer}), 1, Packages(package(16, 4)));
  REQUIRE(result.errors.size() == 1);
  CHECK(result.errors[0].code == "spec.unknown_model");
  CHECK(result.errors[0].field == "layer[0].model");
  CHECK(result.errors[0].suggestion == "clips@1");
}

TEST_CASE("windows of 4k+1 frames start at whole latents") {
  const JobPlan plan = planned(job({generate("comp", "1-60", {1, 60}, PlanStrategy::Chain)}), package(17, 5, {4, 1}));
  const WindowGrid& grid = plan.phases[0].grid;
  CHECK(grid.stride() == 12);
  CHECK(grid.first_latent(1) == 3);
  CHECK(grid.first_latent(4) == 12);
  CHECK(task_frames(plan.phases[1], 1).text() == "18-29");
}

TEST_CASE("outputs of one name are refused by planning as well") {
  auto layer = generate("comp", "1-16", {1, 16}, PlanStrategy::Independent, 2);
  layer.output = "{shot}.{frame:04}.exr";
  CHECK(first_code(job({layer}), package(16, 4)) == "spec.output_collision");
}

TEST_CASE("a stored plan comes back equal, and a changed one is refused") {
  auto boards = generate("boards", "1-16", {1, 16}, PlanStrategy::Independent, 3);
  auto comp = generate("comp", "1001-1010,1030", {1001, 1036}, PlanStrategy::Chain);
  comp.inputs = {from("boards", 2)};
  const JobPlan plan = planned(
      job({boards, comp, gathering("cut", LayerKind::Encode, {from("comp", 0, frames("1002-1004"))})}), package(16, 4));
  const std::string text = plan_json(plan);
  const auto again = plan_from_json(text);
  REQUIRE(again.ok());
  CHECK(again->phases == plan.phases);
  CHECK(again->digest == plan.digest);
  CHECK(plan_json(*again) == text);

  std::string changed = text;
  changed.replace(changed.find("\"seed\":7"), 8, "\"seed\":8");
  CHECK(plan_from_json(changed).error().code == "plan.digest_mismatch");
  CHECK(plan_from_json("{}").error().code == "plan.bad_json");
  CHECK(plan_from_json("[1").error().code == "plan.bad_json");
  std::string wrong = text;
  wrong.replace(wrong.find("\"phase\":"), 9, "\"phase\":99");
  CHECK(plan_from_json(wrong).error().code == "plan.bad_json");
}

}  // namespace
}  // namespace framemill::jobs
