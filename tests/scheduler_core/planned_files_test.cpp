#include "scheduler/core/policy/planned_files.h"

#include <catch2/catch.hpp>

namespace framemill::scheduler {
namespace {

const PhaseId kPhase{JobId(7), 2};

jobs::PhasePlan command(const std::string& pattern) {
  jobs::PhasePlan plan;
  plan.kind = jobs::PhaseKind::Command;
  plan.frames = *jobs::FrameSet::parse("1001-1010");
  plan.frames_per_task = 2;
  plan.task_count = 5;
  plan.output_pattern = pattern;
  return plan;
}

FileRecord file(const std::string& path, jobs::Frame frame, const std::string& staged = "out/f") {
  return {0, staged, path, 10, {}, {}, frame};
}

bool planned(const jobs::PhasePlan& plan, TaskIndex task, const std::vector<FileRecord>& files) {
  return unplanned_file(plan, kPhase, task, files) == nullptr;
}

TEST_CASE("a task commits the frames that its plan gives it, and no other name") {
  const jobs::PhasePlan plan = command("show/c.%04d.exr");
  CHECK(planned(plan, 1, {}));
  CHECK(planned(plan, 1, {file("show/c.1003.exr", 1003), file("show/c.1004.exr", 1004)}));
  CHECK_FALSE(planned(plan, 1, {file("show/c.1005.exr", 1005)}));   // the next task's
  CHECK_FALSE(planned(plan, 1, {file("show/c.1003.exr", 1004)}));   // another frame's name
  CHECK_FALSE(planned(plan, 1, {file("other/c.1003.exr", 1003)}));  // another show's
  CHECK_FALSE(planned(plan, 1, {file("show/../c.1003.exr", 1003)}));
  CHECK_FALSE(planned(plan, 1, {file(".framemill-root", 1003)}));
  // The first is good: all are refused.
  CHECK_FALSE(planned(plan, 1, {file("show/c.1003.exr", 1003), file("show/x", 1004)}));
  CHECK_FALSE(planned(plan, 1, {file("show/c.1003.exr", 1003), file("show/c.1003.exr", 1003)}));
}

TEST_CASE("a staged name is a file one level below the attempt's directory") {
  const jobs::PhasePlan plan = command("show/c.%04d.exr");
  for (const char* staged : {"out/f", "0/f.exr"}) CHECK(planned(plan, 0, {file("show/c.1001.exr", 1001, staged)}));
  for (const char* staged : {"attempt.bin", "../2/out/f", "out/../f", "out/", "/f", "./f", "out/a/b", ""})
    CHECK_FALSE(planned(plan, 0, {file("show/c.1001.exr", 1001, staged)}));
}

TEST_CASE("latents, movies and sheets have one name each") {
  jobs::PhasePlan plan;
  plan.kind = jobs::PhaseKind::Denoise;
  CHECK(latents_path(kPhase, 3) == ".framemill/latents/7/2/3.safetensors");
  CHECK(planned(plan, 3, {file(".framemill/latents/7/2/3.safetensors", 1001, "3/3.safetensors")}));
  CHECK_FALSE(planned(plan, 3, {file(".framemill/latents/7/2/4.safetensors", 1001)}));
  CHECK_FALSE(planned(plan, 3, {file(".framemill/latents/8/2/3.safetensors", 1001)}));
  for (const jobs::PhaseKind kind : {jobs::PhaseKind::Encode, jobs::PhaseKind::Sheet}) {
    plan.kind = kind;
    plan.output_pattern = "show/cut.mp4";
    CHECK(planned(plan, 0, {file("show/cut.mp4", 0)}));
    CHECK_FALSE(planned(plan, 0, {file("show/other.mp4", 0)}));
  }
}

TEST_CASE("a command's movie of all frames has one name, whatever frame it is reported with") {
  jobs::PhasePlan plan = command("show/all.mov");
  plan.frames_per_task = 10;
  plan.task_count = 1;
  for (const jobs::Frame frame : {0, 1001, 1010}) CHECK(planned(plan, 0, {file("show/all.mov", frame)}));
  CHECK_FALSE(planned(plan, 0, {file("show/other.mov", 1001)}));
}

}  // namespace
}  // namespace framemill::scheduler
