// The weights of one component of a package, mapped from its files: checked against the manifest's digests and against
// the network's list of tensors when they are opened, and read when the network is loaded. On a CPU a tensor whose
// storage is already what the network computes with stays in the mapping, which all processes that run the package
// share; everything else is a converted copy, counted by the device's allocator.
//
// One thread. The files must not be rewritten while they are mapped (models/safetensors.h).
#pragma once

#include <functional>
#include <memory>

#include "gpu/torch/parameters.h"
#include "models/package.h"
#include "models/weight_set.h"

namespace framemill::gpu {

// Told how many bytes more were read, for progress.
using ReadBytes = std::function<void(std::uint64_t bytes)>;

// Reads a file of the package for its digest. Errors: model.digest_mismatch, file.*.
base::Status check_file_digest(const models::Package& package, const models::PackageFile& file, const ReadBytes& read);

// A network's tensors on the device. Shared by the calls that are at work with them, so that unloading waits for those.
struct LoadedWeights {
  Parameters parameters;
  std::uint64_t bytes = 0;         // all of them
  std::uint64_t mapped_bytes = 0;  // of those, in the files' mappings: no private memory
};

class MappedWeights {
 public:
  // Maps the files of a component with weights and reads them once, for their digests. Errors: model.digest_mismatch,
  // model.weights (with the first names that are missing, left over or misshapen), model.safetensors, file.*.
  static base::Result<MappedWeights> open(const models::Package& package, const models::Component& component,
                                          const ReadBytes& read);

  // What load() will hold, in all.
  std::uint64_t loaded_bytes() const;
  at::ScalarType compute() const { return compute_; }

  // `read`: bytes of loaded_bytes() that are done. Throws what LibTorch throws, out of memory too.
  std::shared_ptr<const LoadedWeights> load(at::Device device, const ReadBytes& read) const;

 private:
  MappedWeights(models::WeightSet set, at::ScalarType compute) : set_(std::move(set)), compute_(compute) {}

  models::WeightSet set_;
  at::ScalarType compute_ = at::kFloat;
};

}  // namespace framemill::gpu
