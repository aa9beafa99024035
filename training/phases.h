// The two phases of training, each a loop that can be killed and started again.
#pragma once

#include <filesystem>

#include "models/network_shape.h"
#include "training/optimizer.h"

namespace framemill::train {

struct RunSettings {
  std::filesystem::path directory;  // checkpoints, loss logs, exported weights
  std::uint64_t seed = 1;           // of weights, clips and noise
  std::int64_t steps = 4000;        // in all, over every start of the run; sets the learning rate's fall
  int batch = 16;                   // frames (autoencoder, times 2) or clips (denoiser)
  double minutes = 0;               // stop after so long, 0 = at `steps`
  double save_minutes = 2;
  int pool = 8192;       // latent clips kept for drawing again
  int fresh = 4;         // new clips per step
  int shares = 1;        // of a denoiser's batch, each a thread; at most `batch`
  double anchor = 0;     // autoencoder: how strongly latents stay what those of the start were, 0 = free
  bool bfloat16 = true;  // matrix products in bfloat16
  OptimizerSettings optimizer;
};

// Fits the autoencoder to single frames. Goes on from directory/autoencoder.checkpoint.safetensors where it is there,
// else from `start` where that has weights. Returns the averaged weights, with the latents' statistics measured.
base::Result<gpu::Parameters> train_autoencoder(const RunSettings& settings, const models::NetworkShape& shape,
                                                const gpu::Parameters* start);

// Fits the denoiser to latent clips made with `autoencoder`. Exports weights.safetensors beside each checkpoint.
base::Result<gpu::Parameters> train_denoiser(const RunSettings& settings, const models::NetworkShape& shape,
                                             const gpu::Parameters& autoencoder, const gpu::Parameters* start);

}  // namespace framemill::train
