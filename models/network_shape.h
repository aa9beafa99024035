// Sizes of the built-in video network, as a package's manifest states them ([network]). gpu/torch builds the modules
// from these numbers, so a bigger model is the same code. The defaults are those of demo-clips.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace framemill::models {

struct NetworkShape {
  // Pictures and latents.
  int image_width = 64;
  int image_height = 64;
  int space_ratio = 8;  // pixels per latent cell, both ways
  int latent_channels = 12;
  // Autoencoder widths: encoder, decoder at latent size, decoder at twice that, decoder at full size.
  int encoder_width = 80;
  int decoder_width = 96;
  int decoder_middle_width = 48;
  int decoder_fine_width = 12;
  // Transformer.
  int window_frames = 16;  // latent frames it sees at once
  int patch = 2;           // latent cells per token, both ways
  int width = 192;
  int layers = 6;
  int heads = 3;
  int modulation_rank = 32;
  // Conditioning: values per slot without "unspecified", scene slots first; objects repeat the object slots.
  std::vector<int> scene_values = {5, 4, 4, 3};
  std::vector<int> object_values = {7, 6, 5, 3};
  int objects = 2;

  int latent_width() const { return image_width / space_ratio; }
  int latent_height() const { return image_height / space_ratio; }
  int tokens_per_frame() const { return (latent_width() / patch) * (latent_height() / patch); }
  int condition_tokens() const { return static_cast<int>(scene_values.size()) + objects; }
  int condition_size() const { return static_cast<int>(scene_values.size() + object_values.size() * objects); }
  bool operator==(const NetworkShape&) const = default;
};

// Ranges (nothing here may make a hostile manifest allocate without bound) and divisibility. Errors: model.network.
base::Status check(const NetworkShape& shape);

}  // namespace framemill::models
