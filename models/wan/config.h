// Sizes of the three networks of the Wan family of video models, as a package states them in [component.config]. The
// names follow the configuration files of the published models; docs/model-package.md lists them. gpu/torch/wan runs
// networks of any sizes that check() passes, so that a test's network of a few thousand parameters and the published
// 14-billion one are the same code.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace framemill::models {

// The diffusion transformer. Defaults: 2.1 text to video, 14B.
struct WanTransformerConfig {
  int patch_time = 1, patch_height = 2, patch_width = 2;  // latent cells of a token
  int heads = 40, head_dim = 128;
  int in_channels = 16;   // of the latents, and of what is concatenated to them (image to video: 36)
  int out_channels = 16;  // of the latents
  int text_dim = 4096;    // of a text embedding
  int freq_dim = 256;     // sinusoids of a noise level
  int ffn_dim = 13824;
  int layers = 40;
  bool cross_attention_norm = true;
  double epsilon = 1e-6;
  int image_dim = 0;     // of an image embedding; 0: takes none (2.1 image to video: 1280)
  int added_kv_dim = 0;  // keys and values for image embeddings: 0, or width()
  int rope_max_length = 1024;
  int position_embedding_length = 0;  // learnt places of two image embeddings (first and last frame: 514); 0: none
  std::vector<int> vace_layers;       // layers that take hints from the control branch; empty: it has none
  int vace_in_channels = 0;

  int width() const { return heads * head_dim; }
  bool operator==(const WanTransformerConfig&) const = default;
};

// The causal video autoencoder. Defaults: that of 2.1 (4x8x8, 16 channels).
struct WanAutoencoderConfig {
  int base_dim = 96;
  int decoder_base_dim = 0;  // 0: base_dim
  int z_dim = 16;
  std::vector<int> dim_mult = {1, 2, 4, 4};                     // width of each level over base_dim
  int residual_blocks = 2;                                      // per level
  std::vector<bool> temporal_downsample = {false, true, true};  // between two levels; each halves the space
  bool is_residual = false;                                     // shortcuts around whole levels (2.2 5B)
  int in_channels = 3, out_channels = 3;                        // 3 * patch_size^2
  int patch_size = 0;  // pixels folded into channels before the network, both ways; 0: none (2.2 5B: 2)
  int time_ratio = 4, space_ratio = 8;            // frames and pixels per latent cell; follow from the above
  std::vector<double> latents_mean, latents_std;  // z_dim entries each

  int decoder_width() const { return decoder_base_dim == 0 ? base_dim : decoder_base_dim; }
  bool operator==(const WanAutoencoderConfig&) const = default;
};

// The encoder half of umT5. Defaults: umT5-XXL.
struct Umt5Config {
  int d_model = 4096, d_ff = 10240, heads = 64, d_kv = 64, layers = 24, vocabulary = 256384;
  int relative_buckets = 32, relative_max_distance = 128;
  double epsilon = 1e-6;

  bool operator==(const Umt5Config&) const = default;
};

// Ranges (a hostile file must not make us allocate without bound) and what must fit together. Errors: model.network,
// with the name of the field.
base::Status check(const WanTransformerConfig& config);
base::Status check(const WanAutoencoderConfig& config);
base::Status check(const Umt5Config& config);

}  // namespace framemill::models
