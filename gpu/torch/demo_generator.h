// gpu::Generator over the small network of the demo model (autoencoder.h, transformer.h): windows of one size, prompts
// from a vocabulary.
#pragma once

#include <memory>

#include "gpu/generator.h"
#include "models/package.h"

namespace framemill::gpu {

// Loads an opened package. Errors: model.* for the package, gpu.no_device, gpu.out_of_memory.
base::Result<std::unique_ptr<Generator>> load_demo_generator(models::Package package, const DeviceSpec& spec);

}  // namespace framemill::gpu
