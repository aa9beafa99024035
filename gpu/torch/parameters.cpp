#include "gpu/torch/parameters.h"

#include <cstring>

namespace framemill::gpu {

const at::Tensor& Parameters::operator[](const std::string& name) const {
  const auto found = table_.find(name);
  FM_CHECK(found != table_.end(), "no parameter " + name);
  return found->second;
}

std::vector<at::Tensor> Parameters::tensors() const {
  std::vector<at::Tensor> out;
  out.reserve(table_.size());
  for (const auto& [name, tensor] : table_) out.push_back(tensor);
  return out;
}

Parameters Parameters::to(at::Device device, at::ScalarType dtype) const {
  Parameters out;
  for (const auto& [name, tensor] : table_) {
    out.set(name, tensor.to(device, tensor.is_floating_point() ? dtype : tensor.scalar_type()));
  }
  return out;
}

Parameters Parameters::detached_copy() const {
  Parameters out;
  for (const auto& [name, tensor] : table_) out.set(name, tensor.detach().clone());
  return out;
}

std::uint64_t Parameters::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, tensor] : table_) sum += tensor.nbytes();
  return sum;
}

base::Result<Parameters> read_parameters(const models::SafetensorsFile& file, const Parameters& like,
                                         const std::string& prefix) {
  Parameters out;
  for (const auto& [name, wanted] : like.table()) {
    const models::TensorView* view = file.find(prefix + name);
    if (!view) return base::Error{"model.weights", "the weights lack '" + prefix + name + "'", "", ""};
    if (at::IntArrayRef(view->shape) != wanted.sizes())
      return base::Error{"model.weights", "'" + prefix + name + "' has another shape than the manifest's network", "",
                         ""};
    const std::vector<float> values = models::floats_of(*view);
    if (values.size() != static_cast<std::size_t>(wanted.numel()))
      return base::Error{"model.weights", "'" + prefix + name + "' is not of a floating dtype", "", ""};
    at::Tensor tensor = at::empty(view->shape, at::kFloat);
    std::memcpy(tensor.mutable_data_ptr(), values.data(), values.size() * sizeof(float));
    out.set(name, tensor);
  }
  return out;
}

void write_parameters(models::SafetensorsWriter& writer, const Parameters& parameters, const std::string& prefix,
                      models::Dtype dtype) {
  const at::ScalarType type = dtype == models::Dtype::F16 ? at::kHalf : at::kFloat;
  for (const auto& [name, tensor] : parameters.table()) {
    const at::Tensor flat = tensor.detach().to(at::kCPU, type).contiguous();
    writer.add(prefix + name, dtype, flat.sizes().vec(),
               std::string(static_cast<const char*>(flat.const_data_ptr()), flat.nbytes()));
  }
}

}  // namespace framemill::gpu
