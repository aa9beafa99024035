// The work of a phase that a model makes.
#include <algorithm>

#include "base/check.h"
#include "base/digest_bytes.h"
#include "scheduler/core/state/demand.h"
#include "scheduler/link/recipe_kinds.h"
#include "wire/recipe.pb.h"

namespace framemill::scheduler {
namespace {

bool has_context_from_elsewhere(const RecipeOf& of) {
  const jobs::PhasePlan& phase = of.phase();
  return std::any_of(phase.needs.begin(), phase.needs.end(),
                     [&](const jobs::Need& n) { return n.is_context && n.phase != of.index; }) ||
         std::any_of(phase.root_files.begin(), phase.root_files.end(),
                     [](const jobs::RootFiles& files) { return files.is_context; });
}

}  // namespace

void write_generate(const RecipeOf& of, wire::Recipe& recipe) {
  const auto& spec = std::get<jobs::GenerateSpec>(of.layer().work);
  wire::GenerateRecipe& out = *recipe.mutable_generate();
  const jobs::PackageFacts* facts = package_of(of.job, spec.model);
  FM_CHECK(facts != nullptr, "a job was planned with a model whose facts it does not hold");
  out.set_model(spec.model);
  out.set_model_digest(base::raw_bytes(facts->root_digest));
  out.set_prompt(spec.prompt);
  out.set_negative_prompt(spec.negative_prompt);
  out.set_steps(spec.steps.value_or(static_cast<std::uint32_t>(facts->default_steps)));
  out.set_guidance(spec.guidance.value_or(facts->default_guidance));
  if (const auto& size = spec.window.size; size && *size != jobs::PictureSize{facts->width, facts->height}) {
    out.set_width(size->width);
    out.set_height(size->height);
  }
  out.set_chain(spec.plan == jobs::PlanStrategy::Chain);
  out.set_format(spec.format == jobs::FrameFormat::Png ? "png" : "exr");
  const bool denoise = of.phase().kind == jobs::PhaseKind::Denoise;
  out.set_part(denoise ? wire::GenerateRecipe::DENOISE : wire::GenerateRecipe::DECODE);
  out.set_has_input(denoise && has_context_from_elsewhere(of));
}

}  // namespace framemill::scheduler
