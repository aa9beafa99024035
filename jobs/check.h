// What `framemill check` tells of a spec: its errors, or per layer how much work it is and where the files will lie.
// Pure; the command line prints it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/plan.h"
#include "jobs/spec.h"

namespace framemill::jobs {

struct LayerCheck {
  std::string name, shot;
  LayerKind kind{};
  std::string model;             // of generate layers
  std::string frames;            // "1001-1096", handles included; empty for encode and sheet
  std::int64_t frame_count = 0;  // of one variant
  std::uint32_t variants = 1;
  std::optional<std::uint32_t> windows;  // denoised windows of one variant; unknown without packages, none but generate
  std::optional<std::uint64_t> tasks;    // of all phases and variants; unknown for generate without packages
  std::string first_output, last_output;  // paths inside `root`; with the version assumed when the spec says "next"
  std::string root;
};

struct CheckReport {
  std::vector<SpecError> errors;    // empty: the spec is good as far as could be checked
  std::vector<SpecError> warnings;  // what a good spec may not mean
  std::optional<JobSpec> spec;      // as far as its form is good
  std::vector<LayerCheck> layers;   // empty when there are errors of form
  bool packages_checked = false;
  bool version_assumed = false;  // "next" was taken as 1 in the paths
};

// Adds to the errors of a spec's form what the packages say of those layers that could be read.
void add_package_errors(const ParsedSpec& parsed, const PackageCatalogue& packages, std::vector<SpecError>& errors);

// What a planned spec may not mean. spec.windows_not_connected: a layer that gives no `plan` and whose frames need more
// than one window, which then do not connect. spec.idle_windows: a chain without a shot range that is made from the
// first frame of another layer on, through windows that nobody asked for.
std::vector<SpecError> plan_warnings(const ParsedSpec& parsed, const JobSpec& spec, const JobPlan& plan);
// Movies whose rate nothing in the spec or the packages says (see ordered_rate). Code: spec.no_rate.
std::vector<SpecError> rate_warnings(const JobSpec& spec, const PackageCatalogue& packages);
// "layer[1].frames: that windows do not connect ...": one line for people.
std::string sentence(const SpecError& warning);

// Layers of `plan` whose windows lie differently from those of an earlier version of the same shot and layer: the same
// frames would get other pixels. One sentence each.
std::vector<std::string> grid_differences(const JobSpec& spec, const JobPlan& plan, const JobSpec& earlier,
                                          const JobPlan& earlier_plan, std::uint32_t earlier_version);

// packages: what only they know is checked as well; nullptr: form alone.
CheckReport check_job(std::string_view text, SpecFormat format, const SpecOverrides& overrides,
                      const PackageCatalogue* packages);

}  // namespace framemill::jobs
