// How each kind of layer writes the work of its recipes: one writer per kind, each in a file of its own, and a table of
// them in recipe.cpp. Private to this room.
#pragma once

#include "scheduler/core/state/records.h"

namespace framemill::wire {
class Recipe;
}

namespace framemill::scheduler {

// A phase of a job, whose recipe is written.
struct RecipeOf {
  const JobRecord& job;
  jobs::PhaseIndex index = 0;

  const jobs::PhasePlan& phase() const { return job.plan->phases[index]; }
  const jobs::LayerSpec& layer() const { return job.spec->layers[phase().layer]; }
};

using WriteWork = void (*)(const RecipeOf& of, wire::Recipe& out);
void write_generate(const RecipeOf& of, wire::Recipe& out);
void write_command(const RecipeOf& of, wire::Recipe& out);
void write_encode(const RecipeOf& of, wire::Recipe& out);
void write_sheet(const RecipeOf& of, wire::Recipe& out);

}  // namespace framemill::scheduler
