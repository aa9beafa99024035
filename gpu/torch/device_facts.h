// What is known of a device before a model is loaded. Free of LibTorch's headers.
#pragma once

#include <string>

#include "gpu/generator.h"

namespace framemill::gpu {

// What bit-equal output on the device depends on: Generator::device_class.
std::string device_class(const DeviceSpec& device);

// Products of two square matrices: measured GFLOP/s on the device, to warn about a slow LibTorch at start.
double measured_matmul_gflops(const DeviceSpec& device);

}  // namespace framemill::gpu
