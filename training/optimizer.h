// AdamW, and Muon for the matrices inside the layers, with a running average of the weights (EMA), over a flat table of
// parameters. The average is what ships.
#pragma once

#include <string>

#include "gpu/torch/parameters.h"

namespace framemill::train {

struct OptimizerSettings {
  double learning_rate = 1.5e-3;
  double beta1 = 0.9, beta2 = 0.95;
  double weight_decay = 0.01;
  double clip_norm = 1.0;
  bool muon = true;              // false: AdamW for all
  double average_decay = 0.999;  // reached gradually: (1 + step) / (10 + step) at the start
};

// State of a training run: what a checkpoint holds.
struct TrainingState {
  std::int64_t step = 0;
  gpu::Parameters weights;  // leaves that ask for gradients
  gpu::Parameters average;
  gpu::Parameters moment1;
  gpu::Parameters moment2;
};

// Makes the state of a run that starts from `weights` (fresh, or shipped ones to go on from).
TrainingState start_training(const gpu::Parameters& weights);

// Names that are statistics, not weights: copied through, never trained.
bool is_statistic(const std::string& name);

// One step from the gradients of `state.weights`, which it clears. Returns the gradients' norm before clipping. A step
// whose gradients are not finite changes nothing but the count.
double optimizer_step(TrainingState& state, const OptimizerSettings& settings, double learning_rate);

// peak at the start of the run, after a short warm-up; falls linearly to a twentieth over the last 40 %.
double scheduled_rate(double peak, std::int64_t step, std::int64_t steps);

}  // namespace framemill::train
