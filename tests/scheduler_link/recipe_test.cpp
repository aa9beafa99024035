#include "scheduler/link/recipe.h"

#include <catch2/catch.hpp>

#include "jobs/manifest_groups.h"
#include "tests/scheduler_link/sample_job.h"
#include "wire/farm.pb.h"

using namespace framemill;
using namespace framemill::scheduler;
using jobs::PhaseKind;

namespace {

jobs::PhaseIndex phase_of(const JobRecord& job, const std::string& layer, PhaseKind kind, std::uint32_t variant = 0) {
  for (jobs::PhaseIndex i = 0; i < job.plan->phases.size(); ++i) {
    const jobs::PhasePlan& phase = job.plan->phases[i];
    if (job.spec->layers[phase.layer].name == layer && phase.kind == kind && phase.variant == variant) return i;
  }
  FAIL("no such phase: " << layer);
  return 0;
}

CommittedFiles files(std::initializer_list<FileRecord> list) {
  return {{}, "main", list};
}

FileRecord frame_file(jobs::Frame frame) {
  FileRecord file;
  file.path = "f." + std::to_string(frame) + ".exr";
  file.frame = frame;
  file.sha256 = base::sha256(file.path);
  return file;
}

FileRecord latents_file() {
  FileRecord file;
  file.kind = wire::OutputFile::LATENTS;
  file.path = ".framemill/latents/1/0/0.safetensors";
  return file;
}

TEST_CASE("a manifest order names every variant of a directory, and how many of its tasks are published") {
  const JobRecord job = test::sample_job();
  const auto groups = jobs::manifest_groups(*job.plan);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].phases.size() == 2);
  const auto runs_of = [&](PhaseId phase) -> std::vector<StateRun> {
    const std::uint32_t tasks = job.plan->phases[phase.index].task_count;
    if (tasks == 1) return {{{0, 1}, TaskState::Published}};
    return {{{0, 1}, TaskState::Published}, {{1, tasks - 1}, TaskState::Failed}};
  };
  wire::ManifestOrder order;
  write_manifest_order(job, 0, runs_of, order);
  CHECK(order.directory() == groups[0].directory);
  CHECK(order.directory().ends_with("/v001"));
  REQUIRE(order.parts_size() == 2);
  CHECK(order.parts(1).variant() == 1);
  CHECK(order.parts(1).seed() == order.parts(0).seed() + 1);
  CHECK(order.layers_size() == 1);
  CHECK(order.layers(0).model_digest().size() == 32);
  CHECK(order.revision() == order.parts(0).tasks() + order.parts(1).tasks());
  CHECK(order.revision() == 2);
}

TEST_CASE("a manifest order of a command's frames names its layer and no model") {
  const JobRecord job = test::job_of(
      "[[layer]]\nname = \"paint\"\nkind = \"command\"\nargv = [\"paint\", \"{output}\"]\nframes = \"1-4\"\n");
  REQUIRE(jobs::manifest_groups(*job.plan).size() == 1);
  wire::ManifestOrder order;
  write_manifest_order(job, 0, [](PhaseId) { return std::vector<StateRun>{{{0, 4}, TaskState::Published}}; }, order);
  REQUIRE(order.layers_size() == 1);
  CHECK(order.layers(0).name() == "paint");
  CHECK(order.layers(0).model().empty());
  REQUIRE(order.parts_size() == 1);
  CHECK(order.parts(0).tasks() == 4);
  CHECK(order.revision() == 4);
}

}  // namespace

TEST_CASE("a chunk of a chain names the carry of the window before it, and none of its own") {
  const JobRecord job = test::sample_job();
  const jobs::PhaseIndex denoise = phase_of(job, "shot", PhaseKind::Denoise);
  REQUIRE(job.plan->phases[denoise].task_count >= 4);
  const auto wanted = wanted_inputs(job, denoise, {2, 2});
  REQUIRE(wanted.size() == 1);
  CHECK(wanted[0].phase == PhaseId{job.id, denoise});
  CHECK(wanted[0].tasks == TaskRange{1, 1});
  CHECK(wanted[0].reader == 2);
  CHECK(wanted[0].is_context);
}

TEST_CASE("the first window of a chain starts from the frames of its input") {
  const JobRecord job = test::sample_job();
  const jobs::PhaseIndex denoise = phase_of(job, "shot", PhaseKind::Denoise);
  const auto wanted = wanted_inputs(job, denoise, {0, 1});
  REQUIRE(wanted.size() == 1);
  CHECK(wanted[0].phase.index == phase_of(job, "boards", PhaseKind::Decode, 1));
  CHECK(wanted[0].is_context);
  wire::Grant grant;
  write_input(job, wanted[0], files({frame_file(5), frame_file(15), frame_file(16)}), grant);
  REQUIRE(grant.inputs_size() == 2);  // the last frames alone are the context
  CHECK(grant.inputs(1).role() == wire::InputFile::CONTEXT);
  CHECK(grant.inputs(1).frame() == 16);
  CHECK(grant.inputs(1).layer() == "boards");
  CHECK(grant.inputs(1).variant() == 1);
}

TEST_CASE("decoding reads the latents of its own windows") {
  const JobRecord job = test::sample_job();
  const jobs::PhaseIndex decode = phase_of(job, "shot", PhaseKind::Decode);
  const auto wanted = wanted_inputs(job, decode, {1, 2});
  REQUIRE(wanted.size() == 2);
  CHECK(wanted[0].phase.index == phase_of(job, "shot", PhaseKind::Denoise));
  CHECK(wanted[0].tasks == TaskRange{1, 1});
  CHECK(wanted[1].reader == 2);
  wire::Grant grant;
  write_input(job, wanted[0], files({latents_file()}), grant);
  REQUIRE(grant.inputs_size() == 1);
  CHECK(grant.inputs(0).role() == wire::InputFile::LATENTS);
}

TEST_CASE("a movie reads every frame of its inputs, in order") {
  const JobRecord job = test::sample_job();
  const jobs::PhaseIndex encode = phase_of(job, "cut", PhaseKind::Encode);
  const auto wanted = wanted_inputs(job, encode, {0, 1});
  REQUIRE(wanted.size() == 1);
  CHECK(wanted[0].reader_is_all);
  CHECK(wanted[0].tasks == TaskRange{0, job.plan->phases[wanted[0].phase.index].task_count});
}

TEST_CASE("the recipe digest changes with what decides the pixels and with nothing else") {
  const auto digest = [](const JobRecord& job) {
    wire::Recipe recipe;
    write_recipe(job, phase_of(job, "shot", PhaseKind::Denoise), recipe);
    CHECK(recipe.recipe_digest().size() == 32);
    return recipe.recipe_digest();
  };
  const std::string first = digest(test::sample_job());
  CHECK(digest(test::sample_job()) == first);
  CHECK(digest(test::sample_job({.version = 2})) == first);
  CHECK(digest(test::sample_job({.prompt = "red ball"})) != first);
  CHECK(digest(test::sample_job({.seed = 9})) != first);
  CHECK(digest(test::sample_job({.steps = 7})) != first);
  CHECK(digest(test::sample_job({.model_bytes = "other weights"})) != first);
}

TEST_CASE("a recipe names the size that its layer chose, where that is not the package's") {
  const auto recipe_of = [](const std::string& keys) {
    const JobRecord job = test::job_of(
        "shot_range = \"1-16\"\n[[layer]]\nname = \"shot\"\nkind = \"generate\"\nmodel = \"model@1\"\nprompt = "
        "\"ball\"\nroot = \"main\"\nframes = \"1-16\"\n" +
        keys);
    wire::Recipe recipe;
    write_recipe(job, phase_of(job, "shot", PhaseKind::Denoise), recipe);
    return recipe;
  };
  const wire::Recipe own = recipe_of(""), chosen = recipe_of("size = \"128x96\"\nwindow = 8\n");
  CHECK(own.generate().width() == 0);
  CHECK(own.generate().height() == 0);
  CHECK(own.grid().window_frames() == 16);
  CHECK(chosen.generate().width() == 128);
  CHECK(chosen.generate().height() == 96);
  CHECK(chosen.grid().window_frames() == 8);
  CHECK(own.recipe_digest() != chosen.recipe_digest());
  CHECK(recipe_of("size = \"64x64\"\nfps = 25\n").recipe_digest() == own.recipe_digest());
}

TEST_CASE("a contact sheet has a row per variant and frames the chosen one") {
  const JobRecord job = test::sample_job();
  wire::Recipe recipe;
  write_recipe(job, phase_of(job, "sheet", PhaseKind::Sheet), recipe);
  REQUIRE(recipe.sheet().rows_size() == 3);
  CHECK(recipe.sheet().rows(0).layer() == "boards");
  CHECK_FALSE(recipe.sheet().rows(0).chosen());
  CHECK(recipe.sheet().rows(1).chosen());
  CHECK(recipe.sheet().rows(2).layer() == "shot");
  CHECK(recipe.sheet().rows(2).window_joins_size() > 0);
}

TEST_CASE("a sheet gets the frames that failed, in decoding and in the windows before it") {
  const JobRecord job = test::sample_job();
  const jobs::PhaseIndex sheet = phase_of(job, "sheet", PhaseKind::Sheet);
  const jobs::PhaseIndex decode = phase_of(job, "shot", PhaseKind::Decode);
  const jobs::PhaseIndex denoise = phase_of(job, "shot", PhaseKind::Denoise);
  const jobs::PhasePlan& shot = job.plan->phases[decode];
  REQUIRE(shot.task_count >= 3);
  const auto runs_of = [&](PhaseId phase) -> std::vector<StateRun> {
    if (phase.index == decode) return {{{0, 1}, TaskState::Failed}, {{1, shot.task_count - 1}, TaskState::Waiting}};
    if (phase.index == denoise)
      return {{{0, 1}, TaskState::Published}, {{1, 1}, TaskState::Quarantined}, {{2, 1}, TaskState::Waiting}};
    return {{{0, 1}, TaskState::Published}};
  };
  wire::Recipe recipe;
  write_recipe(job, sheet, recipe);
  const std::string digest = recipe.recipe_digest();
  write_failed_frames(job, sheet, runs_of, recipe);
  const jobs::FrameSpan first = shot.grid.new_frames(0), second = shot.grid.new_frames(1);
  CHECK(recipe.sheet().rows(2).failed_frames() == shot.frames.within(first.first, second.last).text());
  CHECK(recipe.sheet().rows(0).failed_frames().empty());
  CHECK(recipe.recipe_digest() == digest);
}

namespace {

const std::string kBoards =
    "[[layer]]\nname = \"boards\"\nkind = \"generate\"\nmodel = \"model@1\"\nprompt = \"sea\"\nframes = \"1-32\"\n";

std::vector<std::string> input_names(const wire::Grant& grant) {
  std::vector<std::string> names;
  for (const wire::InputFile& input : grant.inputs())
    names.push_back(input.root() + ":" + input.path() + "@" + std::to_string(input.frame()));
  return names;
}

using Names = std::vector<std::string>;

TEST_CASE("the grant of a chain that continues from a root's plates says so, and the last ones are its context") {
  const JobRecord job = test::job_of(
      "[[layer]]\nname = \"shot\"\nkind = \"generate\"\nmodel = \"model@1\"\nprompt = \"sea\"\nplan = \"chain\"\n"
      "frames = \"1-40\"\ninput = [{root = \"plates\", pattern = \"p.{frame:04}.exr\", frames = \"7-12\"}]\n");
  wire::Recipe denoise, decode;
  write_recipe(job, 0, denoise);
  write_recipe(job, 1, decode);
  CHECK(denoise.generate().has_input());
  CHECK_FALSE(decode.generate().has_input());
  wire::Grant grant;
  write_root_inputs(job, 0, {0, 3}, grant);
  CHECK(input_names(grant) ==
        Names{"plates:p.0009.exr@9", "plates:p.0010.exr@10", "plates:p.0011.exr@11", "plates:p.0012.exr@12"});
  for (const wire::InputFile& input : grant.inputs()) {
    CHECK(input.role() == wire::InputFile::CONTEXT);
    CHECK(input.task() == 0);
    CHECK_FALSE(input.for_all_tasks());
  }
  wire::Grant later;
  write_root_inputs(job, 0, {1, 2}, later);
  CHECK(later.inputs().empty());
}

TEST_CASE("a movie shows its inputs in the order of the spec, from layers and roots alike") {
  const JobRecord job = test::job_of(
      kBoards +
      "[[layer]]\nname = \"cut\"\nkind = \"encode\"\ninput = [{root = \"plates\", pattern = \"a.png\", frames = "
      "\"1\"}, {layer = \"boards\"}, {root = \"plates\", pattern = \"z.{frame:04}.exr\", frames = \"3-4\"}]\n");
  const jobs::PhaseIndex cut = phase_of(job, "cut", PhaseKind::Encode);
  wire::Grant grant;
  write_root_inputs(job, cut, {0, 1}, grant);
  const auto wanted = wanted_inputs(job, cut, {0, 1});
  REQUIRE(wanted.size() == 1);
  CHECK(wanted[0].input == 1);
  write_input(job, wanted[0], files({frame_file(1), frame_file(2)}), grant);
  order_inputs(grant);
  CHECK(input_names(grant) ==
        Names{"plates:a.png@1", "main:f.1.exr@1", "main:f.2.exr@2", "plates:z.0003.exr@3", "plates:z.0004.exr@4"});
}

TEST_CASE("a sheet has a row for each input, a root's too, with the frames that should be there") {
  const JobRecord job = test::job_of(
      kBoards +
      "[[layer]]\nname = \"sheet\"\nkind = \"sheet\"\ninput = [{root = \"plates\", pattern = \"p.{frame}.exr\", "
      "frames = \"5-6\", name = \"scan\"}, {layer = \"boards\"}, {root = \"plates\", pattern = "
      "\"q.{frame}.exr\", frames = \"5-6\"}]\n");
  const jobs::PhaseIndex sheet = phase_of(job, "sheet", PhaseKind::Sheet);
  wire::Recipe recipe;
  write_recipe(job, sheet, recipe);
  REQUIRE(recipe.sheet().rows_size() == 3);
  CHECK(recipe.sheet().rows(0).layer() == "scan");
  CHECK(recipe.sheet().rows(0).of_root());
  CHECK(recipe.sheet().rows(0).frames() == "5-6");
  CHECK(recipe.sheet().rows(1).layer() == "boards");
  CHECK(recipe.sheet().rows(1).input() == 1);
  CHECK(recipe.sheet().rows(2).layer() == "plates");
  CHECK(recipe.sheet().rows(2).path_printf() == "q.%d.exr");
  // Its failed frames are told in the rows of layers alone.
  write_failed_frames(
      job, sheet,
      [](PhaseId phase) -> std::vector<StateRun> {
        if (phase.index == 1) return {{{1, 1}, TaskState::Failed}};
        return {};
      },
      recipe);
  CHECK(recipe.sheet().rows(0).failed_frames().empty());
  CHECK(recipe.sheet().rows(1).failed_frames() == "17-32");
}

TEST_CASE("four hundred frames of a second command read four hundred files, each its own") {
  const std::string grade = "kind = \"command\"\nargv = [\"cp\", \"{input}\", \"{output}\"]\nframes = \"1-400\"\n";
  const JobRecord job =
      test::job_of("[[layer]]\nname = \"one\"\n" + grade +
                   "input = [{root = \"plates\", pattern = \"p.{frame}.exr\", frames = \"1-400\"}]\n" +
                   "[[layer]]\nname = \"two\"\n" + grade + "input = [{layer = \"one\"}]\n");
  const auto wanted = wanted_inputs(job, 1, {0, 400});
  CHECK(wanted.size() == 400);
  wire::Grant grant;
  for (const WantedInput& one : wanted) {
    REQUIRE(one.tasks.count == 1);
    // Whatever the needed task has committed, only the reader's own frame is taken of it.
    const auto frame = static_cast<jobs::Frame>(one.tasks.first) + 1;
    write_input(job, one, files({frame_file(frame), frame_file(frame + 1)}), grant);
  }
  REQUIRE(grant.inputs_size() == 400);
  CHECK(grant.inputs(399).task() == 399);
  CHECK(grant.inputs(399).frame() == 400);
  wire::Grant plates;
  write_root_inputs(job, 0, {10, 5}, plates);
  REQUIRE(plates.inputs_size() == 5);
  CHECK(plates.inputs(0).frame() == 11);
  CHECK(plates.inputs(0).task() == 10);
}

TEST_CASE("what every task of a command reads is named once for all of them") {
  const JobRecord job = test::job_of(
      kBoards +
      "[[layer]]\nname = \"mean\"\nkind = \"command\"\nargv = [\"x\", \"{input:0}\", \"{input:lut}\"]\n"
      "frames = \"1-32\"\nneeds_frames = \"all\"\n"
      "input = [{layer = \"boards\", frames = \"5-20\"}, {root = \"plates\", pattern = \"l.cube\", name = \"lut\"}]\n");
  const jobs::PhaseIndex mean = phase_of(job, "mean", PhaseKind::Command);
  const auto wanted = wanted_inputs(job, mean, {8, 4});
  REQUIRE(wanted.size() == 1);
  CHECK(wanted[0].reader_is_all);
  CHECK(wanted[0].frames.text() == "5-20");
  wire::Grant grant;
  write_root_inputs(job, mean, {8, 4}, grant);
  REQUIRE(grant.inputs_size() == 1);
  CHECK(grant.inputs(0).for_all_tasks());
  wire::Recipe recipe;
  write_recipe(job, mean, recipe);
  CHECK_FALSE(recipe.command().reads_own_frame());
  CHECK(recipe.command().inputs(0).has_frames());
  CHECK_FALSE(recipe.command().inputs(1).has_frames());
  CHECK(recipe.command().inputs(1).name() == "lut");
}

TEST_CASE("a command gets the seed and prompt that its pictures come from, where its arguments use them") {
  const std::string boards = kBoards + "seed = 9007199254740993\nvariants = 3\n";
  const auto command = [&](const std::string& arguments) {
    const JobRecord job =
        test::job_of(boards + "[[layer]]\nname = \"a\"\nkind = \"command\"\nframes = \"1-32\"\nargv = [\"x\", " +
                     arguments + "]\ninput = [{layer = \"boards\", variant = 2}]\n");
    wire::Recipe recipe;
    write_recipe(job, phase_of(job, "a", PhaseKind::Command), recipe);
    return recipe;
  };
  const wire::Recipe told = command("\"{seed} {variant}\", \"{prompt}\"");
  CHECK(told.command().seed() == 9007199254740995);
  CHECK(told.command().variant() == 2);
  CHECK(told.command().prompt() == "sea");
  CHECK(told.command().paths());
  CHECK(command("\"y\"").command().prompt().empty());
}

TEST_CASE("one task for all frames gets them, though its phase writes one file") {
  const JobRecord job =
      test::job_of(kBoards +
                   "[[layer]]\nname = \"prores\"\nkind = \"command\"\nargv = [\"x\", \"{input}\", \"{output}\"]\n"
                   "frames = \"1-20\"\ntask = \"all\"\noutput = \"{shot}.mov\"\ninput = [{layer = \"boards\"}]\n");
  const jobs::PhaseIndex index = phase_of(job, "prores", PhaseKind::Command);
  CHECK(job.plan->phases[index].task_count == 1);
  wire::Recipe recipe;
  write_recipe(job, index, recipe);
  CHECK(recipe.frames() == "1-20");
  CHECK(recipe.frames_per_task() == 20);
  CHECK(recipe.output_printf() == "sh10.mov");
  CHECK_FALSE(recipe.command().paths());
  const auto wanted = wanted_inputs(job, index, {0, 1});
  REQUIRE(wanted.size() == 1);
  CHECK(wanted[0].frames.text() == "1-20");
}

}  // namespace
