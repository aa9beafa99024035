// The few building blocks both networks share. Matrix products and convolutions run in `compute` (float32, or bfloat16
// where training on a CPU with AMX gains from it); everything between them stays float32.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "gpu/torch/parameters.h"

namespace framemill::gpu {

// name.weight [out, in], name.bias [out]. The result has dtype `compute`.
at::Tensor linear(const Parameters& p, const std::string& name, const at::Tensor& x, at::ScalarType compute);

// name.weight [out, in, k, k], name.bias; same padding. The result has dtype `compute`.
at::Tensor conv(const Parameters& p, const std::string& name, const at::Tensor& x, at::ScalarType compute,
                int stride = 1);

// Fresh weights: normal with standard deviation gain / sqrt(fan_in), zero bias.
void init_linear(Parameters& p, const std::string& name, int out, int in, double gain, at::Generator& random);
void init_conv(Parameters& p, const std::string& name, int out, int in, int k, double gain, at::Generator& random);

}  // namespace framemill::gpu
