#include "gpu/torch/layers.h"

#include <cmath>

namespace framemill::gpu {

at::Tensor linear(const Parameters& p, const std::string& name, const at::Tensor& x, at::ScalarType compute) {
  return at::linear(x.to(compute), p[name + ".weight"].to(compute), p[name + ".bias"].to(compute));
}

at::Tensor conv(const Parameters& p, const std::string& name, const at::Tensor& x, at::ScalarType compute, int stride) {
  const at::Tensor weight = p[name + ".weight"].to(compute);
  const std::int64_t pad = weight.size(2) / 2;
  return at::conv2d(x.to(compute), weight, p[name + ".bias"].to(compute), {stride, stride}, {pad, pad});
}

void init_linear(Parameters& p, const std::string& name, int out, int in, double gain, at::Generator& random) {
  p.set(name + ".weight", at::randn({out, in}, random, at::kFloat) * (gain / std::sqrt(in)));
  p.set(name + ".bias", at::zeros({out}));
}

void init_conv(Parameters& p, const std::string& name, int out, int in, int k, double gain, at::Generator& random) {
  p.set(name + ".weight", at::randn({out, in, k, k}, random, at::kFloat) * (gain / std::sqrt(in * k * k)));
  p.set(name + ".bias", at::zeros({out}));
}

}  // namespace framemill::gpu
