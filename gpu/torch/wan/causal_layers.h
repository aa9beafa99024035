// Layers of the Wan autoencoder, run on one piece of a clip after another. Activations are [B, T, H, W, C] contiguous
// and of dtype `compute`: convolutions then need no change of layout on a CPU, pointwise ones are plain matrix
// products, and norms read contiguous memory.
#pragma once

#include <map>
#include <string>

#include "gpu/torch/parameters.h"

namespace framemill::gpu {

// A network on its way through a clip, with what it remembers of the pieces before.
class CausalPass {
 public:
  CausalPass(const Parameters& parameters, at::ScalarType compute) : p_(parameters), compute_(compute) {}

  bool in_first_piece() const { return first_piece_; }
  void end_piece() { first_piece_ = false; }

  // name.weight [out, in, kt, kh, kw], name.bias: zeros around the picture and before the clip.
  at::Tensor conv(const std::string& name, const at::Tensor& x);
  // The same of x over its root mean square along the channels, times norm.gamma, and SiLU of that.
  at::Tensor norm_silu_conv(const std::string& norm, const std::string& name, const at::Tensor& x);
  // name.weight [out, in, 1, 1(, 1)], name.bias.
  at::Tensor pointwise(const std::string& name, const at::Tensor& x) const;
  // Two convolutions and a shortcut.
  at::Tensor residual_block(const std::string& name, const at::Tensor& x);
  // Attention with one head over the cells of each frame, added to x.
  at::Tensor attention(const std::string& name, const at::Tensor& x) const;

  // Halves height and width by the convolution name.resample.1; with name.time_conv the frames as well, except in the
  // first piece, which is a single frame.
  at::Tensor downsample(const std::string& name, const at::Tensor& x);
  // The opposite: doubles the frames with name.time_conv, except in the first piece; then height and width.
  at::Tensor upsample(const std::string& name, const at::Tensor& x);

 private:
  at::Tensor weight(const std::string& name) const { return p_[name + ".weight"].to(compute_); }
  at::Tensor bias(const std::string& name) const { return p_[name + ".bias"].to(compute_); }
  at::Tensor normed(const std::string& name, const at::Tensor& x) const;  // float32
  at::Tensor room_after_history(const std::string& name, at::IntArrayRef shape) const;
  void keep(const std::string& name, const at::Tensor& input, std::int64_t frames);
  at::Tensor conv_over(const std::string& name, at::Tensor input, std::int64_t frames);

  const Parameters& p_;
  at::ScalarType compute_;
  bool first_piece_ = true;
  std::map<std::string, at::Tensor> history_;  // by convolution: the last frames of its input
};

}  // namespace framemill::gpu
