// What simulations and tests submit: facts of a package of the demo model's shape, and specs around the layers that a
// case is about.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/sha256.h"
#include "jobs/package_facts.h"
#include "jobs/spec.h"

namespace framemill::sim {

// "demo@1": windows of 16 frames of 32 x 32 pixels, 4 of them context; 100 MiB, and 50 MiB for each window.
inline jobs::PackageFacts sample_package(const std::string& name = "demo") {
  jobs::PackageFacts facts;
  facts.name = name;
  facts.version = "1";
  facts.root_digest = base::sha256(name + "@1");
  facts.window_frames = 16;
  facts.context_frames = 4;
  facts.width = facts.height = 32;
  facts.fps = 24;
  facts.default_steps = 20;
  facts.steps_max = 50;
  facts.colour_space = "srgb";
  facts.cpu_memory = facts.cuda_memory = {100 << 20, 50 << 20, 0};
  return facts;
}

// A job named like its shot. `keys` and `layers` are TOML: of the job, and its [[layer]] tables.
inline std::shared_ptr<const jobs::JobSpec> sample_spec(const std::string& shot, const std::string& layers,
                                                        const std::string& keys = "", const std::string& show = "s") {
  const std::string text = fmt::format(
      "api = \"framemill/v1\"\nname = \"{0}\"\nshow = \"{1}\"\nsequence = \"q\"\nshot = \"{0}\"\n{2}\n{3}\n", shot,
      show, keys, layers);
  jobs::ParsedSpec parsed = jobs::parse_spec(text, jobs::SpecFormat::Toml);
  FM_CHECK(parsed.spec.has_value(), parsed.errors.empty() ? "no spec" : parsed.errors[0].message);
  return std::make_shared<const jobs::JobSpec>(std::move(*parsed.spec));
}

}  // namespace framemill::sim
