#include "jobs/manifest_groups.h"

#include <catch2/catch.hpp>

namespace framemill::jobs {
namespace {

PhasePlan phase(PhaseKind kind, std::string pattern, std::string root = "main") {
  PhasePlan plan;
  plan.kind = kind;
  plan.output_pattern = std::move(pattern);
  plan.root = std::move(root);
  return plan;
}

PhasePlan command(std::string pattern, std::string_view frames) {
  PhasePlan plan = phase(PhaseKind::Command, std::move(pattern));
  if (!frames.empty()) plan.frames = *FrameSet::parse(frames);
  return plan;
}

TEST_CASE("layers that share a directory share its manifest, whatever makes their frames") {
  JobPlan plan;
  plan.phases = {command("show/c/v001/c.%04d.jpg", "1-10"),
                 command("show/a/v001/matte.%04d.exr", "1-10"),
                 command("show/d/v001/cut.mov", ""),
                 phase(PhaseKind::Denoise, ""),
                 phase(PhaseKind::Decode, "show/a/v001/a_t00.%04d.exr"),
                 phase(PhaseKind::Denoise, ""),
                 phase(PhaseKind::Decode, "show/b/v001/b.%04d.exr"),
                 phase(PhaseKind::Decode, "show/a/v001/a_t01.%04d.exr"),
                 phase(PhaseKind::Decode, "show/a/v001/a_t02.%04d.exr", "other"),
                 phase(PhaseKind::Sheet, "show/e/v001/sheet.png")};
  const auto groups = manifest_groups(plan);
  REQUIRE(groups.size() == 4);
  CHECK(groups[0].directory == "show/a/v001");
  CHECK(groups[0].phases == std::vector<PhaseIndex>{4, 7, 1});
  CHECK(groups[1].directory == "show/b/v001");
  CHECK(groups[2].root == "other");
  // Those of commands come last, wherever the layer stands in the spec: the others keep the numbers they always had.
  CHECK(groups[3].directory == "show/c/v001");
  CHECK(groups[3].phases == std::vector<PhaseIndex>{0});
}

TEST_CASE("a pattern that numbers directories has its manifest above them, and one without any at the root's top") {
  JobPlan plan;
  plan.phases = {phase(PhaseKind::Decode, "show/shot/%04d/beauty.exr"), phase(PhaseKind::Decode, "f.%d.exr")};
  const auto groups = manifest_groups(plan);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].directory == "show/shot");
  CHECK(groups[1].directory.empty());
}

}  // namespace
}  // namespace framemill::jobs
