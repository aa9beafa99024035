// Rectified flow by Euler steps. At noise level t a latent is (1 - t) x0 + t noise; the network gives x0, and a step
// moves along the straight line from here to it. Each window owns a Trajectory; a batch may hold windows at different
// steps.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

namespace framemill::gpu {

struct Trajectory {
  int step = 0, steps = 0;
  double guidance = 1.0, shift = 1.0;
  double guidance_min_level = 0.0;  // from here down to 0 the prompt's row alone decides
  double guidance_rescale = 0.0;    // 0: as guidance gives it; 1: with the spread of the prompt's own prediction
  bool guided = false;              // has a guidance other than 1
  at::Tensor latents;               // [F, C, h, w] on the device
  at::Tensor noise;                 // [F, C, h, w]: where it started
  at::Tensor clean;                 // [F] bool: frames that are given
  at::Tensor given;                 // [F, C, h, w]: their values; undefined where no frame is given
  at::Tensor region;                // [F, 1, h, w] bool: known cells; undefined without a mask
  at::Tensor region_latents;        // [F, C, h, w]
  at::Tensor condition;  // [rows, condition_size] int64: the prompt's, then the negative prompt's where guided
};

// Noise level before step `step` of `steps`: 1 at the start, 0 at the end; with a shift above 1 denser near the start,
// where motion and layout are decided: t' = s t / (1 + (s - 1) t), Esser et al. 2024, section 5.3.2.
double noise_level(int step, int steps, double shift);

// Rows of the network's batch in the present step: the prompt's, and the negative prompt's where guidance is at work.
// Guidance only at high noise levels, where content and motion are decided: later it adds contrast and flicker and
// nothing that was asked for (Kynkaanniemi et al. 2024, "Applying guidance in a limited interval"), and a step without
// it costs half.
int rows_of_step(const Trajectory& trajectory);

// Puts what is known into the latents at the level of the trajectory's present step.
void impose_known(Trajectory& trajectory);

using Denoiser =
    std::function<at::Tensor(const at::Tensor& noisy, const at::Tensor& level, const at::Tensor& condition)>;

// One step for all, in one call of the network. Changes nothing if the network throws.
void take_step(const std::vector<Trajectory*>& batch, const Denoiser& denoiser);

}  // namespace framemill::gpu
