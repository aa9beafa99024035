// The fields of each configuration with the keys of [component.config], once for reading and for writing: `visit` is
// called with each key and the field. Private to this room.
#pragma once

#include "models/component.h"

namespace framemill::models {

template <class Visit>
void visit_fields(WanTransformerConfig& c, Visit&& visit) {
  visit("patch_time", c.patch_time);
  visit("patch_height", c.patch_height);
  visit("patch_width", c.patch_width);
  visit("heads", c.heads);
  visit("head_dim", c.head_dim);
  visit("in_channels", c.in_channels);
  visit("out_channels", c.out_channels);
  visit("text_dim", c.text_dim);
  visit("freq_dim", c.freq_dim);
  visit("ffn_dim", c.ffn_dim);
  visit("layers", c.layers);
  visit("cross_attention_norm", c.cross_attention_norm);
  visit("epsilon", c.epsilon);
  visit("image_dim", c.image_dim);
  visit("added_kv_dim", c.added_kv_dim);
  visit("rope_max_length", c.rope_max_length);
  visit("position_embedding_length", c.position_embedding_length);
  visit("vace_layers", c.vace_layers);
  visit("vace_in_channels", c.vace_in_channels);
}

template <class Visit>
void visit_fields(WanAutoencoderConfig& c, Visit&& visit) {
  visit("base_dim", c.base_dim);
  visit("decoder_base_dim", c.decoder_base_dim);
  visit("z_dim", c.z_dim);
  visit("dim_mult", c.dim_mult);
  visit("residual_blocks", c.residual_blocks);
  visit("temporal_downsample", c.temporal_downsample);
  visit("is_residual", c.is_residual);
  visit("in_channels", c.in_channels);
  visit("out_channels", c.out_channels);
  visit("patch_size", c.patch_size);
  visit("time_ratio", c.time_ratio);
  visit("space_ratio", c.space_ratio);
  visit("latents_mean", c.latents_mean);
  visit("latents_std", c.latents_std);
}

template <class Visit>
void visit_fields(Umt5Config& c, Visit&& visit) {
  visit("d_model", c.d_model);
  visit("d_ff", c.d_ff);
  visit("heads", c.heads);
  visit("d_kv", c.d_kv);
  visit("layers", c.layers);
  visit("vocabulary", c.vocabulary);
  visit("relative_buckets", c.relative_buckets);
  visit("relative_max_distance", c.relative_max_distance);
  visit("epsilon", c.epsilon);
}

// The window's size and length come from [window], the condition's slots from the vocabulary.
template <class Visit>
void visit_fields(NetworkShape& n, Visit&& visit) {
  visit("space_ratio", n.space_ratio);
  visit("latent_channels", n.latent_channels);
  visit("encoder_width", n.encoder_width);
  visit("decoder_width", n.decoder_width);
  visit("decoder_middle_width", n.decoder_middle_width);
  visit("decoder_fine_width", n.decoder_fine_width);
  visit("patch", n.patch);
  visit("width", n.width);
  visit("layers", n.layers);
  visit("heads", n.heads);
  visit("modulation_rank", n.modulation_rank);
}

template <class Visit>
void visit_fields(std::monostate&, Visit&&) {}

}  // namespace framemill::models
