// The door of gpu/torch for the executor, the scoring program and the benchmarks: a gpu::Generator over LibTorch, of
// whatever family the package is. This header is free of LibTorch's headers.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "gpu/generator.h"
#include "gpu/torch/device_facts.h"

namespace framemill::gpu {

// Loads a package. What is loaded is checked against its digests. The first call fixes the process's compute threads.
// Errors: model.* for the package, gpu.no_device, gpu.out_of_memory.
base::Result<std::unique_ptr<Generator>> load_torch_generator(const std::filesystem::path& package_directory,
                                                              const DeviceSpec& device,
                                                              const GeneratorHooks& hooks = {});

}  // namespace framemill::gpu
