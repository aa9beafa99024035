// Checkpoints of a training run: one safetensors file, replaced by an atomic rename, so that a trainer that is killed
// at any moment goes on from the last whole one. And the export of the averaged weights, which is what ships.
#pragma once

#include <filesystem>

#include "training/optimizer.h"

namespace framemill::train {

base::Status save_checkpoint(const std::filesystem::path& path, const TrainingState& state);

// The state saved at `path`, for a network of the shapes of `like`. Errors: file.*, model.safetensors, model.weights.
base::Result<TrainingState> load_checkpoint(const std::filesystem::path& path, const gpu::Parameters& like);

// weights.safetensors of a package: both networks in half precision.
base::Status export_weights(const std::filesystem::path& path, const gpu::Parameters& autoencoder,
                            const gpu::Parameters& transformer);

}  // namespace framemill::train
