// The work of a phase that runs a program.
#include <string>

#include "jobs/kinds/command_run.h"
#include "scheduler/link/recipe_kinds.h"
#include "wire/recipe.pb.h"

namespace framemill::scheduler {

void write_command(const RecipeOf& of, wire::Recipe& recipe) {
  const JobRecord& job = of.job;
  const jobs::LayerSpec& layer = of.layer();
  const auto& spec = std::get<jobs::CommandSpec>(layer.work);
  wire::CommandRecipe& out = *recipe.mutable_command();
  for (const std::string& argument : spec.argv) out.add_argv(argument);
  out.set_output_printf(of.phase().output_pattern);
  out.set_paths(jobs::command_run(layer, spec).paths);
  out.set_reads_own_frame(spec.needs_frames == jobs::FrameReach{} && !spec.one_task);
  for (const jobs::LayerInput& input : layer.inputs) {
    wire::CommandInput& entry = *out.add_inputs();
    entry.set_name(input.name);
    const jobs::LayerSpec* source = input.layer.empty() ? nullptr : job.spec->find_layer(input.layer);
    entry.set_has_frames(source != nullptr ? source->makes_frames() : input.frames.has_value());
  }
  if (spec.size) {
    out.set_width(spec.size->width);
    out.set_height(spec.size->height);
  }
  // Only what the arguments speak of: another seed gives no other pixels where the program does not see it.
  const jobs::PictureSource source =
      jobs::picture_source(layer, [&](const std::string& name) { return job.spec->find_layer(name); });
  if (source.layer == nullptr) return;
  if (jobs::uses_token(spec, "prompt")) out.set_prompt(source.layer->prompt());
  if (jobs::uses_token(spec, "seed")) out.set_seed(source.layer->seeds().at(source.variant));
  if (jobs::uses_token(spec, "variant")) out.set_variant(source.variant);
}

}  // namespace framemill::scheduler
