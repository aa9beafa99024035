// What a job spec would make, told without a scheduler: per layer frames, windows, tasks and output names. Without
// model packages windows and tasks stay unknown, everything else is checked. Pure; any thread.
#pragma once

#include <boost/json.hpp>

#include <optional>
#include <string>
#include <vector>

#include "jobs/plan.h"
#include "jobs/spec.h"

namespace framemill::cli {

struct OutputSummary {
  std::uint32_t variant = 0;
  std::string root, first, last;
};
struct LayerSummary {
  std::string name, kind, shot, frames;
  std::int64_t frame_count = 0, variants = 1;
  std::optional<std::int64_t> windows, tasks;  // of all its variants; tasks of all its phases
  std::vector<OutputSummary> outputs;
  std::string size{};  // of a model's pictures, "832x480"; empty without packages, and of the rest
  std::optional<std::int64_t> window_frames{};  // that one window makes; likewise
  std::string rate{};  // frames per second of a movie, "24000/1001"; empty where only its pictures or packages know
};
struct CheckSummary {
  std::string name, show, sequence, shot;
  std::optional<std::uint32_t> version;  // absent: the next one
  bool with_packages = false;
  std::vector<LayerSummary> layers;
};
struct CheckResult {
  std::optional<CheckSummary> summary;  // present exactly when errors is empty
  std::vector<jobs::SpecError> errors;
  std::vector<jobs::SpecError> warnings;  // what a good spec may not mean
};

// `packages` may be null: a check of form.
CheckResult check_spec(std::string_view text, jobs::SpecFormat format, const jobs::SpecOverrides& overrides,
                       const jobs::PackageCatalogue* packages);
boost::json::object check_json(const CheckResult& result, std::string_view file);

}  // namespace framemill::cli
