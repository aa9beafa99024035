// Whether a file of weights is that of a manifest's network: which tensors the network has, and what is wrong with a
// file that has others. The loader (gpu/torch) and `framemill model` ask here, so that the one refuses what the other
// reports; nothing of the network's size is allocated.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/network_shape.h"
#include "models/safetensors.h"

namespace framemill::models {

// Fixed sizes of the built-in network, which no manifest changes.
inline constexpr int kStem = 4;  // space to depth before the autoencoder's first convolution
inline constexpr int kStemWidth = 64;
inline constexpr int kTimeFeatures = 64;  // of a noise level
inline constexpr int kSummaryRank = 32;   // per condition token, in the vector that modulates the layers

// Names and shapes of the tensors of both networks: "autoencoder.encoder.stem.weight": {64, 48, 3, 3}. The shape has
// passed check(NetworkShape).
std::map<std::string, std::vector<std::int64_t>> network_tensors(const NetworkShape& shape);

// Everything for which the weights are refused, as sentences: tensors that are missing, not the network's, of another
// shape or without floating-point values, and values that are not finite. At most one sentence of each kind, with the
// first few names. Empty: the file is good.
std::vector<std::string> weight_faults(const NetworkShape& shape, const SafetensorsFile& file);

// Errors: model.weights with all of weight_faults.
base::Status check_weights(const NetworkShape& shape, const SafetensorsFile& file);

}  // namespace framemill::models
