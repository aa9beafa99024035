#include "scheduler/daemon/recipe.h"

#include <catch2/catch.hpp>

#include "jobs/manifest_groups.h"
#include "tests/scheduler_daemon/sample_job.h"
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

TEST_CASE("a sheet is told which frames failed, in decoding and in the windows before it") {
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
  write_failed_frames(job, sheet, runs_of, *recipe.mutable_sheet());
  const jobs::FrameSpan first = shot.grid.new_frames(0), second = shot.grid.new_frames(1);
  CHECK(recipe.sheet().rows(2).failed_frames() == shot.frames.within(first.first, second.last).text());
  CHECK(recipe.sheet().rows(0).failed_frames().empty());
  CHECK(recipe.recipe_digest() == digest);
}
