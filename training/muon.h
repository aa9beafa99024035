// Muon for the matrices inside the layers (Jordan et al. 2024): the step is the momentum with all its singular values
// brought near one, so that directions with small gradients are learnt too.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace framemill::train {

// Whether the weight is a matrix between hidden values; embeddings, norms, biases and the ends of the network are not.
bool is_hidden_matrix(const std::string& name, const at::Tensor& weight);

// One step of `weight` [rows, columns]. `momentum` is a running mean of gradients. The step has the size that AdamW's
// would have at the same rate (0.2 sqrt(max(rows, columns)), Liu et al. 2025, section 2.2), so one rate serves both.
void muon_step(at::Tensor& weight, const at::Tensor& gradient, at::Tensor& momentum, double learning_rate,
               double weight_decay);

}  // namespace framemill::train
