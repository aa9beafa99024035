// A window of a Wan model on its way from noise to latents, and one sampler step for several of them. Windows may be at
// different steps and of different samplers; which rows share a call of the network follows from their shapes alone,
// never from what memory is left, so that it changes no pixel.
//
// What is known beforehand is kept by giving clean frames the noise level 0, each token having one of its own (2.2 5B),
// or by channels beside the latents (image to video): `condition`.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <functional>
#include <vector>

#include "gpu/torch/samplers/sampler.h"

namespace framemill::gpu {

struct WanTrajectory {
  Sampler sampler;
  SamplerState state;
  at::Tensor latents;             // [C, F, h, w] float32 on the device
  at::Tensor noise;               // [C, F, h, w]: where it started
  at::Tensor clean;               // [F] bool: frames whose noise level is 0; undefined where there are none
  at::Tensor given;               // [C, F, h, w]: their values
  at::Tensor region;              // [1, F, h, w] bool: known cells; undefined without a mask
  at::Tensor region_latents;      // [C, F, h, w]
  at::Tensor condition;           // [C', F, h, w]: channels beside the latents; undefined where the network takes none
  std::vector<at::Tensor> texts;  // [L, text_dim] each: the prompt's, then the negative prompt's where guided
  double guidance = 1.0;          // where one denoiser predicts, and of the one for high noise levels
  double guidance_low = 1.0;      // of the denoiser for low noise levels, where there are two

  bool guided() const { return texts.size() == 2; }
  bool done() const { return sampler.done(state); }
};

// Which denoiser predicts: of two, the first at noise levels from a boundary up.
enum class Expert { High, Low };

// Rows for one call of the network, stacked.
struct WanRows {
  Expert expert = Expert::Low;
  at::Tensor latents;  // [B, C + C', F, h, w]
  at::Tensor level;    // on the CPU: [B], or [B, tokens] where frames are clean; 0 to 1000
  at::Tensor text;     // [B, max_tokens, text_dim], zeros behind each text
};

struct WanStepping {
  double boundary = 0.0;  // of 0 to 1: where Expert::High ends; 0: there is one denoiser, Expert::Low
  int patch_time = 1, patch_height = 2, patch_width = 2;  // latent cells of a token
  int text_tokens = 512;                                  // that every text is filled up to
  bool windows_share_calls = true;                        // or only the two branches of one window do
};

// Rows of one call hold this many tokens at most, but for a single row: beyond it a call gains nothing by its size.
inline constexpr std::int64_t kTokensPerCall = 16'384;

std::int64_t tokens_of(const WanTrajectory& window, const WanStepping& stepping);
// Rows that one call takes at most: of all windows of a batch, or of one.
std::int64_t rows_per_call(std::int64_t tokens);

// Puts what is known into the latents at the level of the present step.
void impose_known(WanTrajectory& window);

// [B, C, F, h, w]: what the network makes of the rows.
using WanDenoiser = std::function<at::Tensor(const WanRows& rows)>;

// One step for all: windows of one shape and number of channels, none of which is done. Changes nothing if the denoiser
// throws.
void take_step(const std::vector<WanTrajectory*>& batch, const WanStepping& stepping, const WanDenoiser& denoiser);

}  // namespace framemill::gpu
