#include "gpu/torch/wan/wan_components.h"

#include <fmt/format.h>

#include "base/log.h"

namespace framemill::gpu {

base::Result<WanComponents> WanComponents::open(const models::Package& package, at::Device device,
                                                std::uint64_t budget_bytes, GeneratorHooks hooks) {
  WanComponents components(package.manifest.id(), device, budget_bytes, std::move(hooks));
  std::uint64_t total = 0, done = 0;
  for (const models::Component& component : package.manifest.components)
    if (models::is_weights(component))
      for (const std::string& path : component.files) total += package.manifest.file(path)->size_bytes;
  const auto read = [&](std::uint64_t bytes) {
    done += bytes;
    if (components.hooks_.loading && total > 0)
      components.hooks_.loading(components.id_, static_cast<double>(done) / static_cast<double>(total));
  };
  for (const models::Component& component : package.manifest.components) {
    if (!models::is_weights(component)) continue;
    FM_ASSIGN(MappedWeights weights, MappedWeights::open(package, component, read));
    components.parts_.emplace(component.role, Part{std::move(weights), nullptr, 0});
  }
  return components;
}

std::shared_ptr<const LoadedWeights> WanComponents::use(models::ComponentRole role, std::uint64_t work_bytes) {
  Part& part = parts_.at(role);
  part.last_used = ++clock_;
  if (part.loaded) {
    make_room(work_bytes);
    return part.loaded;
  }
  const std::uint64_t total = part.weights.loaded_bytes();
  make_room(total + work_bytes);
  const std::string what = fmt::format("{} of {}", models::name(role), id_);
  std::uint64_t done = 0;
  part.loaded = part.weights.load(device_, [&](std::uint64_t bytes) {
    done += bytes;
    if (hooks_.loading && total > 0) hooks_.loading(what, static_cast<double>(done) / static_cast<double>(total));
  });
  base::log_info("gpu", "loaded the {}: {} bytes, {} of them mapped", what, part.loaded->bytes,
                 part.loaded->mapped_bytes);
  return part.loaded;
}

void WanComponents::make_room(std::uint64_t bytes) {
  while (budget_bytes_ != 0 && resident_bytes() + bytes > budget_bytes_) {
    std::pair<const models::ComponentRole, Part>* oldest = nullptr;
    for (auto& entry : parts_) {
      const bool idle = entry.second.loaded && entry.second.loaded.use_count() == 1 && entry.second.last_used != clock_;
      if (idle && (oldest == nullptr || entry.second.last_used < oldest->second.last_used)) oldest = &entry;
    }
    if (oldest == nullptr) return;  // the allocator has the last word
    base::log_info("gpu", "unload the {} of {} to make room", models::name(oldest->first), id_);
    oldest->second.loaded.reset();
  }
}

std::uint64_t WanComponents::resident_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [role, part] : parts_) sum += part.loaded ? part.loaded->bytes : 0;
  return sum;
}

std::uint64_t WanComponents::mapped_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [role, part] : parts_) sum += part.loaded ? part.loaded->mapped_bytes : 0;
  return sum;
}

}  // namespace framemill::gpu
