// The door of gpu/torch for the executor, the scoring program and the benchmarks: a gpu::Generator over LibTorch. This
// header is free of LibTorch's headers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "gpu/generator.h"

namespace framemill::gpu {

// Loads a package, whatever its networks are. What is loaded is checked against its digests. The first call fixes the
// process's compute threads. Errors: model.* for the package, gpu.no_device, gpu.out_of_memory.
base::Result<std::unique_ptr<Generator>> load_torch_generator(const std::filesystem::path& package_directory,
                                                              const DeviceSpec& device,
                                                              const GeneratorHooks& hooks = {});

// What bit-equal output on the device depends on, known before a model is loaded: Generator::device_class.
std::string device_class(const DeviceSpec& device);

// Products of two square matrices: measured GFLOP/s on the device, to warn about a slow LibTorch at start.
double measured_matmul_gflops(const DeviceSpec& device);

}  // namespace framemill::gpu
