#include "models/wan/tensors.h"

#include <utility>

namespace framemill::models {
namespace {

TensorShapes shapes_of(std::vector<NetworkTensor> list) {
  TensorShapes shapes;
  for (NetworkTensor& tensor : list) shapes.emplace(std::move(tensor.name), std::move(tensor.shape));
  return shapes;
}

}  // namespace

TensorShapes tensors_of(const WanTransformerConfig& config) {
  return shapes_of(tensor_list(config));
}
TensorShapes tensors_of(const WanAutoencoderConfig& config) {
  return shapes_of(tensor_list(config));
}
TensorShapes tensors_of(const Umt5Config& config) {
  return shapes_of(tensor_list(config));
}

}  // namespace framemill::models
