// Checks of a spec that only model packages can decide.
#include <fmt/format.h>

#include <set>

#include "base/nearest.h"
#include "jobs/spec.h"
#include "jobs/window_shape.h"

namespace framemill::jobs {
namespace {

class PackageChecks {
 public:
  PackageChecks(const PackageCatalogue& packages, std::vector<SpecError>& errors)
      : packages_(packages), errors_(errors) {}

  void check(std::size_t index, const GenerateSpec& work) {
    layer_ = index;
    if (work.model.empty()) return;  // reported before
    std::string model = work.model;
    if (packages_.find(model) == nullptr) {
      // The rest is checked against the package that was meant, where that can be told.
      model = meant_package(work.model);
      fail("model", "unknown_model", fmt::format("unknown model package \"{}\"", work.model), known_packages(), model);
    }
    const PackageFacts* facts = packages_.find(model);
    if (facts == nullptr) return;
    check_prompt("prompt", model, work.prompt);
    if (!work.negative_prompt.empty()) check_prompt("negative_prompt", model, work.negative_prompt);
    if (work.steps && facts->steps_max > 0 && *work.steps > static_cast<std::uint32_t>(facts->steps_max))
      fail("steps", "out_of_range", fmt::format("{} takes at most {} steps", model, facts->steps_max),
           fmt::format("1 to {}", facts->steps_max));
    if (work.guidance && *work.guidance > facts->guidance_max)
      fail("guidance", "out_of_range", fmt::format("{} takes a guidance of at most {}", model, facts->guidance_max),
           fmt::format("0 to {}", facts->guidance_max));
    check_window(*facts, work.window);
    // Guidance is what a negative prompt works by: at 1 nothing would come of it, without a word.
    if (!work.negative_prompt.empty() && work.guidance.value_or(facts->default_guidance) == 1.0)
      fail("negative_prompt", "unused_negative_prompt",
           work.guidance ? "a negative prompt does nothing at guidance 1"
                         : fmt::format("a negative prompt does nothing at {}'s own guidance, 1", model),
           fmt::format("a guidance other than 1, to {}, or no negative prompt", facts->guidance_max));
  }

 private:
  // The package whose id is near; for a name without a version the newest of that name, or of a name that is near.
  std::string meant_package(const std::string& written) const {
    std::vector<std::string> ids = packages_.ids();
    if (written.find('@') != std::string::npos) return base::nearest(written, ids);
    std::vector<std::string> names;
    for (const std::string& id : ids) names.push_back(id.substr(0, id.find('@')));
    const std::string name = base::nearest(written, names);
    std::string newest;
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (!name.empty() && names[i] == name && (newest.empty() || is_older(newest, ids[i]))) newest = ids[i];
    return newest;
  }
  // Of two ids of one name: versions that are numbers are compared as such.
  static bool is_older(const std::string& a, const std::string& b) {
    const auto version = [](const std::string& id) { return id.substr(id.find('@') + 1); };
    const auto is_number = [](const std::string& text) {
      return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    };
    const std::string left = version(a), right = version(b);
    if (is_number(left) && is_number(right) && left.size() != right.size()) return left.size() < right.size();
    return left < right;
  }

  std::string known_packages() const {
    const std::vector<std::string> ids = packages_.ids();
    return ids.empty() ? "a package that the farm has; it has none" : "one of " + base::listed(ids, 10);
  }
  void check_prompt(std::string_view key, const std::string& model, const std::string& prompt) {
    const base::Status status = packages_.check_prompt(model, prompt);
    if (status.ok() || !told_.emplace(model, prompt).second) return;  // an inherited prompt is told of once
    errors_.push_back({status.error().code,
                       {},
                       {},
                       field(key),
                       status.error().message,
                       expected_of(status.error().code, model),
                       status.error().hint});
  }
  static std::string expected_of(const std::string& code, const std::string& model) {
    if (code == "prompt.binding") return "every colour, size and motion beside the object it is of";
    if (code == "prompt.conflict") return "one value of a kind: one time of day, one weather, one colour per object";
    if (code == "prompt.too_many") return "fewer objects";
    if (code == "prompt.too_long") return "a shorter prompt: nothing of what is cut off would be seen";
    if (!code.starts_with("prompt.")) return "a package that can be read: framemill model verify " + model;
    return fmt::format("words that {} knows: framemill model vocabulary {}", model, model);
  }
  void check_window(const PackageFacts& facts, const WindowChoice& window) {
    if (window.size)
      if (auto fault = size_fault(facts, *window.size))
        fail("size", "out_of_range", *std::move(fault), sizes_allowed(facts), nearest_size(facts, *window.size).text());
    if (window.frames)
      if (auto fault = length_fault(facts, *window.frames))
        fail("window", "out_of_range", *std::move(fault), lengths_near(facts, *window.frames));
  }
  void fail(std::string_view key, std::string code, std::string message, std::string expected,
            std::string suggestion = {}) {
    errors_.push_back({"spec." + std::move(code),
                       {},
                       {},
                       field(key),
                       std::move(message),
                       std::move(expected),
                       std::move(suggestion)});
  }
  std::string field(std::string_view key) const { return fmt::format("layer[{}].{}", layer_, key); }

  const PackageCatalogue& packages_;
  std::vector<SpecError>& errors_;
  std::size_t layer_ = 0;
  std::set<std::pair<std::string, std::string>> told_;
};

}  // namespace

std::vector<SpecError> check_against_packages(const JobSpec& spec, const PackageCatalogue& packages) {
  std::vector<SpecError> errors;
  PackageChecks checks(packages, errors);
  for (std::size_t i = 0; i < spec.layers.size(); ++i)
    if (const auto* work = std::get_if<GenerateSpec>(&spec.layers[i].work)) checks.check(i, *work);
  return errors;
}

}  // namespace framemill::jobs
