// The weights of one network, gathered from the files that hold them: every tensor under its canonical name, whatever the
// files call it, and everything for which the files are not the network's. An importer, `framemill model verify` and the
// loader all ask here, so that the one refuses what the others report. Nothing of a tensor's size is read.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/component.h"
#include "models/safetensors.h"
#include "models/wan/names.h"

namespace framemill::models {

struct StoredWeight {
  TensorView view;                      // into `storage`
  double scale = 1.0;                   // multiplies every value (8-bit floats)
  std::shared_ptr<const void> storage;  // keeps the view's bytes
};

class WeightSet {
 public:
  // The network of a component whose architecture has tensors of its own (not the demo model's, see weights.h).
  explicit WeightSet(const ComponentConfig& config);

  // All tensors of a file. Files may come in any order.
  void add(const SafetensorsFile& file);
  // After the last file: scales find their weights, and second copies stand in for weights that are not there.
  void complete();

  // As sentences, at most one of each kind, each with the first ten names: tensors that are missing, that the network does
  // not have, that are there twice, of another shape, or without floating-point values. Empty: the files are the network's.
  std::vector<std::string> faults() const;

  const std::map<std::string, StoredWeight>& weights() const { return weights_; }  // by canonical name
  bool uses_original_names() const { return original_names_ > 0; }
  std::vector<Dtype> dtypes() const;  // of the weights, the most frequent first

 private:
  std::optional<TensorNames> names_;
  TensorShapes wanted_;
  std::map<std::string, StoredWeight> weights_, duplicates_;
  std::map<std::string, double> scales_;
  std::vector<std::string> left_over_, repeated_, bad_scales_;
  std::size_t original_names_ = 0;
};

// Whether a configuration is one that WeightSet knows.
bool has_tensor_list(const ComponentConfig& config);

}  // namespace framemill::models
