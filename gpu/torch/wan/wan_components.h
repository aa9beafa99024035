// The networks of a Wan package on one device: mapped when the package is opened, loaded when they are needed, unloaded
// for one another when the budget does not hold them all. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "gpu/generator.h"
#include "gpu/torch/mapped_weights.h"

namespace framemill::gpu {

class WanComponents {
 public:
  // Errors: those of MappedWeights::open.
  static base::Result<WanComponents> open(const models::Package& package, at::Device device, std::uint64_t budget_bytes,
                                          GeneratorHooks hooks);

  bool has(models::ComponentRole role) const { return parts_.contains(role); }
  at::ScalarType compute(models::ComponentRole role) const { return parts_.at(role).weights.compute(); }

  // The network, loaded. Others, the one used longest ago first, make room for it and for `work_bytes` beside it where
  // the budget does not hold all; what is at work stays. Throws what LibTorch throws.
  std::shared_ptr<const LoadedWeights> use(models::ComponentRole role, std::uint64_t work_bytes);

  std::uint64_t resident_bytes() const;  // of what is loaded, mapped weights among them
  std::uint64_t mapped_bytes() const;

 private:
  struct Part {
    MappedWeights weights;
    std::shared_ptr<const LoadedWeights> loaded;
    std::uint64_t last_used = 0;
  };
  WanComponents(std::string id, at::Device device, std::uint64_t budget_bytes, GeneratorHooks hooks)
      : id_(std::move(id)), device_(device), budget_bytes_(budget_bytes), hooks_(std::move(hooks)) {}
  void make_room(std::uint64_t bytes);

  std::string id_;
  at::Device device_;
  std::uint64_t budget_bytes_;  // 0: none
  GeneratorHooks hooks_;
  std::map<models::ComponentRole, Part> parts_;
  std::uint64_t clock_ = 0;
};

}  // namespace framemill::gpu
