// Modulation by noise level. All tokens of a window mostly have one level, or two where its first frames are clean: norms
// and gates then work on few long runs of tokens with one vector each, and no table of tokens x width is ever made.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace framemill::gpu {

class LevelRuns {
 public:
  // level [B], or [B, tokens_per_row], for rows of as many tokens.
  LevelRuns(const at::Tensor& level, std::int64_t tokens_per_row, at::Device device);

  const at::Tensor& distinct() const { return distinct_; }  // [U] float32 on the device

  // Layer norm of x [B * tokens, D] float32, times 1 + scale plus shift, which are [U, D] float32. Of dtype `compute`.
  at::Tensor norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double epsilon,
                  at::ScalarType compute) const;
  // x += y * gate; x [B * tokens, D] float32, gate [U, D] float32.
  void add_gated(at::Tensor& x, const at::Tensor& y, const at::Tensor& gate) const;

 private:
  struct Run {
    std::int64_t begin, count, level;  // level: into distinct_
  };
  std::vector<Run> runs_;
  at::Tensor distinct_;
  at::Tensor level_of_token_;  // [B * tokens] int64, where there are too many runs; undefined elsewhere
};

}  // namespace framemill::gpu
