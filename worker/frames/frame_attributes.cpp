#include "worker/frames/frame_attributes.h"
#include "wire/recipe_kind.h"

namespace framemill::frames {
namespace {

std::string hex(const std::string& bytes) {
  return base::to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace

Attributes frame_attributes(const wire::Recipe& recipe, jobs::Frame frame, const std::string& device_class) {
  Attributes attributes;
  const auto add = [&attributes](const char* name, std::string value) {
    attributes.emplace_back(std::string("framemill:") + name, std::move(value));
  };
  add("show", recipe.show());
  add("sequence", recipe.sequence());
  add("shot", recipe.shot());
  add("layer", recipe.layer());
  add("variant", std::to_string(recipe.variant()));
  add("version", std::to_string(recipe.version()));
  add("frame", std::to_string(frame));
  if (const auto* work = wire::model_work(recipe)) {  // a program has no seed of its own
    add("seed", std::to_string(recipe.seed()));
    add("model", work->model());
    add("model_digest", hex(work->model_digest()));
    add("prompt", work->prompt());
  }
  add("recipe_digest", hex(recipe.recipe_digest()));
  add("plan_digest", hex(recipe.plan_digest()));
  add("reproducibility", recipe.reproducibility());
  if (!device_class.empty()) add("device_class", device_class);
  return attributes;
}

std::string attribute(const Attributes& attributes, std::string_view name) {
  const std::string full = "framemill:" + std::string(name);
  for (const auto& [key, value] : attributes)
    if (key == full) return value;
  return {};
}

}  // namespace framemill::frames
