// A network's weights by name. The modules of this room are functions over Parameters: no module tree, no hidden state,
// so the generator, the trainer and a safetensors file all see the same flat table.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/safetensors.h"

namespace framemill::gpu {

class Parameters {
 public:
  const at::Tensor& operator[](const std::string& name) const;  // the name exists
  bool has(const std::string& name) const { return table_.contains(name); }
  void set(const std::string& name, at::Tensor tensor) { table_[name] = std::move(tensor); }
  const std::map<std::string, at::Tensor>& table() const { return table_; }
  std::vector<at::Tensor> tensors() const;  // in the order of names

  // A copy on another device or of another dtype (floating tensors alone change dtype).
  Parameters to(at::Device device, at::ScalarType dtype) const;
  Parameters detached_copy() const;
  std::uint64_t bytes() const;

 private:
  std::map<std::string, at::Tensor> table_;
};

// Every tensor that `like` has, read from the file under `prefix` + name, with equal shapes; widened to float32.
// Errors: model.weights (a name missing or of another shape).
base::Result<Parameters> read_parameters(const models::SafetensorsFile& file, const Parameters& like,
                                         const std::string& prefix);

// Adds all tensors under `prefix` + name as F16 or F32.
void write_parameters(models::SafetensorsWriter& writer, const Parameters& parameters, const std::string& prefix,
                      models::Dtype dtype);

}  // namespace framemill::gpu
