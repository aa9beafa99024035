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

TEST_CASE("frames of generate layers that share a directory share its manifest, whichever layer they are of") {
  JobPlan plan;
  plan.phases = {phase(PhaseKind::Denoise, ""),
                 phase(PhaseKind::Decode, "show/a/v001/a_t00.%04d.exr"),
                 phase(PhaseKind::Denoise, ""),
                 phase(PhaseKind::Decode, "show/b/v001/b.%04d.exr"),
                 phase(PhaseKind::Decode, "show/a/v001/a_t01.%04d.exr"),
                 phase(PhaseKind::Decode, "show/a/v001/a_t02.%04d.exr", "other"),
                 phase(PhaseKind::Command, "show/c/v001/c.%04d.txt")};
  const auto groups = manifest_groups(plan);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].directory == "show/a/v001");
  CHECK(groups[0].phases == std::vector<PhaseIndex>{1, 4});
  CHECK(groups[1].directory == "show/b/v001");
  CHECK(groups[2].root == "other");
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
