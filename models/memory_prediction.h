// What memory a package needs, told from the sizes of its networks before anything was measured: the first guess that the
// scheduler books with and the executor admits with where the manifest states none. Measured peaks correct it.
#pragma once

#include "jobs/package_facts.h"
#include "models/manifest.h"

namespace framemill::models {

enum class MemoryOf { Cpu, Cuda };

// For windows of any size and length (jobs::memory_of). With c the bytes of a component's compute type:
//   resident_bytes    parameters * c: the larger of the text encoder, which encodes a prompt and goes, and all the others
//   voxel_bytes       denoising: what a layer of the transformer holds of one token in the guided and the unguided row,
//                     over the pixels and frames that the token stands for, and the window's latents
//   pixel_bytes       decoding one latent frame: its pictures at the decoder's last width, and the frames that its causal
//                     convolutions keep
//   per_window_bytes  text embeddings
jobs::MemoryPrior predicted_memory(const Manifest& manifest, MemoryOf device);

}  // namespace framemill::models
