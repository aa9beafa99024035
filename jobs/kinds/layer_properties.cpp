// What the rest of the tree asks of a layer instead of its kind: the model, seeds and program behind it, what it makes.
#include "jobs/output_names.h"
#include "jobs/spec.h"

namespace framemill::jobs {
namespace {

const std::string kNone;
const std::vector<std::uint64_t> kNoSeeds;
const WindowChoice kNoChoice;

}  // namespace

bool LayerSpec::makes_frames() const {
  if (!traits(kind).takes_frames) return false;
  const auto* command = std::get_if<CommandSpec>(&work);
  return command == nullptr || !command->one_task || has_token(output, "frame");
}

bool LayerSpec::makes_movie() const {
  return traits(traits(kind).output_phase).output == OutputKind::Movie;
}

const std::string& LayerSpec::model() const {
  const auto* generate = std::get_if<GenerateSpec>(&work);
  return generate == nullptr ? kNone : generate->model;
}

const std::string& LayerSpec::prompt() const {
  const auto* generate = std::get_if<GenerateSpec>(&work);
  return generate == nullptr ? kNone : generate->prompt;
}

std::optional<std::uint32_t> LayerSpec::steps() const {
  const auto* generate = std::get_if<GenerateSpec>(&work);
  return generate == nullptr ? std::nullopt : generate->steps;
}

const WindowChoice& LayerSpec::window() const {
  const auto* generate = std::get_if<GenerateSpec>(&work);
  return generate == nullptr ? kNoChoice : generate->window;
}

const std::vector<std::uint64_t>& LayerSpec::seeds() const {
  const auto* generate = std::get_if<GenerateSpec>(&work);
  return generate == nullptr ? kNoSeeds : generate->variant_seeds;
}

std::uint32_t LayerSpec::variant_count() const {
  return traits(kind).uses_model ? static_cast<std::uint32_t>(seeds().size()) : 1;
}

std::optional<std::uint64_t> LayerSpec::task_count() const {
  if (traits(kind).uses_model) return std::nullopt;
  const auto* command = std::get_if<CommandSpec>(&work);
  return command == nullptr || command->one_task ? 1 : static_cast<std::uint64_t>(frames.count());
}

const std::string& LayerSpec::program() const {
  const auto* command = std::get_if<CommandSpec>(&work);
  return command == nullptr || command->argv.empty() ? kNone : command->argv.front();
}

}  // namespace framemill::jobs
