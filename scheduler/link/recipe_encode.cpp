// The work of a phase that makes a movie.
#include <string>

#include "jobs/ordered_rate.h"
#include "scheduler/core/state/demand.h"
#include "scheduler/link/recipe_kinds.h"
#include "wire/recipe.pb.h"

namespace framemill::scheduler {

void write_encode(const RecipeOf& of, wire::Recipe& recipe) {
  const auto& spec = std::get<jobs::EncodeSpec>(of.layer().work);
  wire::EncodeRecipe& out = *recipe.mutable_encode();
  const auto ordered =
      jobs::ordered_rate(*of.job.spec, of.layer(), [&](const std::string& id) { return package_of(of.job, id); });
  const jobs::FrameRate rate = ordered.value_or(jobs::FrameRate{});
  out.set_fps(rate.value());
  out.set_fps_num(rate.num);
  out.set_fps_den(rate.den);
  out.set_fps_from_inputs(!ordered.has_value());
  out.set_codec(spec.codec);
  out.set_scale(spec.scale);
  for (const std::string& token : spec.burn_in) out.add_burn_in(token);
}

}  // namespace framemill::scheduler
