// gpu::Generator over the Wan family: text to video, and from given first frames on where the package has context frames.
// The package's own code is none: networks are gpu/torch/wan's, weights are data.
#pragma once

#include <memory>

#include "gpu/generator.h"
#include "models/package.h"

namespace framemill::gpu {

// Loads an opened package. Errors: model.* for the package, gpu.no_device, gpu.out_of_memory.
base::Result<std::unique_ptr<Generator>> load_wan_generator(models::Package package, const DeviceSpec& spec,
                                                            GeneratorHooks hooks);

}  // namespace framemill::gpu
