// Latent clips with their conditions, kept for drawing again: rendering and encoding cost as much as a training step,
// so each step makes a few fresh clips and draws the others from those made before. Clip k is the same on every
// machine.
#pragma once

#include <ATen/ATen.h>

#include "gpu/torch/parameters.h"
#include "models/network_shape.h"

namespace framemill::train {

class ClipPool {
 public:
  ClipPool(const models::NetworkShape& shape, gpu::Parameters autoencoder, std::uint64_t seed, int capacity,
           at::ScalarType compute);

  // Renders and encodes clips next..next+count-1; the oldest give way when the pool is full.
  void add(int count);
  void skip_to(std::int64_t clip) { next_ = clip; }
  std::int64_t made() const { return next_; }
  int size() const { return size_; }

  struct Batch {
    at::Tensor latents;    // [n, F, C, h, w] float32, normalised
    at::Tensor condition;  // [n, condition_size] int64
    at::Tensor opening;    // [n] bool: the clip begins where its film begins, with its things in sight
  };
  Batch draw(int count, at::Generator& random) const;

 private:
  models::NetworkShape shape_;
  gpu::Parameters autoencoder_;
  std::uint64_t seed_;
  int capacity_, size_ = 0;
  std::int64_t next_ = 0;
  at::ScalarType compute_;
  at::Tensor latents_, conditions_, openings_;
};

}  // namespace framemill::train
