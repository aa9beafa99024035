#include "models/import/network_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "models/import/config_json.h"

namespace framemill::models {
namespace {

// Mean and spread of each channel of the published autoencoders' latents, over their training videos (as their
// configuration files state them).
constexpr std::array<double, 16> kMean16 = {-0.7571, -0.7089, -0.9113, 0.1075,  -0.1745, 0.9653,  -0.1517, 1.5508,
                                            0.4134,  -0.0715, 0.5517,  -0.3632, -0.1922, -0.9497, 0.2503,  -0.2921};
constexpr std::array<double, 16> kSpread16 = {2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
                                              3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160};
constexpr std::array<double, 48> kMean48 = {
    -0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174,  0.1838,  0.1557,  -0.1382, 0.0542,  0.2813,  0.0891,
    0.1570,  -0.0098, 0.0375,  -0.1825, -0.2246, -0.1207, -0.0698, 0.5109,  0.2665,  -0.2108, -0.2158, 0.2502,
    -0.2055, -0.0322, 0.1109,  0.1567,  -0.0729, 0.0899,  -0.2799, -0.1230, -0.0313, -0.1649, 0.0117,  0.0723,
    -0.2839, -0.2083, -0.0520, 0.3748,  0.0152,  0.1957,  0.1433,  -0.2944, 0.3573,  -0.0548, -0.1681, -0.0667};
constexpr std::array<double, 48> kSpread48 = {
    0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.4990, 0.4818, 0.5013, 0.8158, 1.0344, 0.5894, 1.0901,
    0.6885, 0.6165, 0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659,
    0.7069, 0.5338, 0.4889, 0.4917, 0.4069, 0.4999, 0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944,
    0.5726, 1.2042, 0.5458, 1.6887, 0.3971, 1.0600, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744};

// The configuration, or why it is not one.
template <class Config>
base::Result<Config> checked(Config config, const ConfigReader& in) {
  FM_TRY(in.finish());
  if (auto status = check(config); !status.ok()) return status.error().wrapped(in.file());
  return config;
}

void expect_flag(ConfigReader& in, std::string_view key, bool only) {
  bool value = only;
  in.flag(key, value);
  if (value != only) in.fail(fmt::format("\"{}\" is {}, which Framemill does not support", key, value));
}

}  // namespace

base::Result<WanTransformerConfig> transformer_config(const boost::json::object& object, const std::string& file) {
  WanTransformerConfig c;
  ConfigReader in(object, file);
  std::vector<int> patch = {c.patch_time, c.patch_height, c.patch_width};
  in.integers("patch_size", patch);
  if (patch.size() != 3) in.fail("\"patch_size\" has not three entries");
  patch.resize(3, 1);
  c.patch_time = patch[0];
  c.patch_height = patch[1];
  c.patch_width = patch[2];
  in.integer("num_attention_heads", c.heads);
  in.integer("attention_head_dim", c.head_dim);
  in.integer("in_channels", c.in_channels);
  c.out_channels = c.in_channels;
  in.integer("out_channels", c.out_channels);
  in.integer("text_dim", c.text_dim);
  in.integer("freq_dim", c.freq_dim);
  in.integer("ffn_dim", c.ffn_dim);
  in.integer("num_layers", c.layers);
  in.flag("cross_attn_norm", c.cross_attention_norm);
  in.expect("qk_norm", "rms_norm_across_heads");
  in.number("eps", c.epsilon);
  in.integer("image_dim", c.image_dim);
  in.integer("added_kv_proj_dim", c.added_kv_dim);
  in.integer("rope_max_seq_len", c.rope_max_length);
  in.integer("pos_embed_seq_len", c.position_embedding_length);
  in.integers("vace_layers", c.vace_layers);
  if (!c.vace_layers.empty()) c.vace_in_channels = 96;  // where the file leaves it out
  in.integer("vace_in_channels", c.vace_in_channels);
  in.ignore({"window_size", "add_img_emb"});  // of early files; no code reads them
  return checked(std::move(c), in);
}

base::Result<WanAutoencoderConfig> autoencoder_config(const boost::json::object& object, const std::string& file) {
  WanAutoencoderConfig c;
  ConfigReader in(object, file);
  in.integer("base_dim", c.base_dim);
  in.integer("decoder_base_dim", c.decoder_base_dim);
  in.integer("z_dim", c.z_dim);
  in.integers("dim_mult", c.dim_mult);
  in.integer("num_res_blocks", c.residual_blocks);
  in.flags(in.has("temporal_downsample") ? "temporal_downsample" : "temperal_downsample", c.temporal_downsample);
  std::vector<double> attention_scales;
  in.numbers("attn_scales", attention_scales);
  if (!attention_scales.empty()) in.fail("\"attn_scales\" is not empty, which Framemill does not support");
  in.flag("is_residual", c.is_residual);
  in.integer("in_channels", c.in_channels);
  in.integer("out_channels", c.out_channels);
  in.integer("patch_size", c.patch_size);
  in.numbers("latents_mean", c.latents_mean);
  in.numbers("latents_std", c.latents_std);
  // Dropout is for training; frames are clipped where they are written; the ratios follow from the levels.
  in.ignore({"dropout", "clip_output", "scale_factor_temporal", "scale_factor_spatial"});
  FM_TRY(in.status());
  complete_autoencoder(c);
  return checked(std::move(c), in);
}

void complete_autoencoder(WanAutoencoderConfig& c) {
  c.time_ratio = 1;
  for (const bool halves : c.temporal_downsample) c.time_ratio = std::min(c.time_ratio * (halves ? 2 : 1), 1 << 16);
  const std::size_t halvings = std::min<std::size_t>(c.temporal_downsample.size(), 16);
  c.space_ratio = (c.patch_size == 0 ? 1 : std::min(c.patch_size, 1024)) << halvings;
  const auto fill = [&c](const auto& mean, const auto& spread) {
    if (static_cast<std::size_t>(c.z_dim) != mean.size()) return;
    if (c.latents_mean.empty()) c.latents_mean.assign(mean.begin(), mean.end());
    if (c.latents_std.empty()) c.latents_std.assign(spread.begin(), spread.end());
  };
  fill(kMean16, kSpread16);
  fill(kMean48, kSpread48);
}

base::Result<Umt5Config> text_encoder_config(const boost::json::object& object, const std::string& file) {
  Umt5Config c;
  ConfigReader in(object, file);
  in.expect("model_type", "umt5");
  in.expect("feed_forward_proj", "gated-gelu");
  in.integer("d_model", c.d_model);
  in.integer("d_ff", c.d_ff);
  in.integer("num_heads", c.heads);
  in.integer("d_kv", c.d_kv);
  in.integer("num_layers", c.layers);
  in.integer("vocab_size", c.vocabulary);
  in.integer("relative_attention_num_buckets", c.relative_buckets);
  in.integer("relative_attention_max_distance", c.relative_max_distance);
  in.number("layer_norm_epsilon", c.epsilon);
  if (in.has("quantization_config")) in.fail("the weights are quantised (\"quantization_config\")");
  FM_TRY(in.status());  // the many others are about decoding and training
  if (auto status = check(c); !status.ok()) return status.error().wrapped(in.file());
  return c;
}

base::Result<SchedulerConfig> scheduler_config(const boost::json::object& object, const std::string& file) {
  SchedulerConfig c;
  ConfigReader in(object, file);
  std::string type;
  in.text("_class_name", type);
  for (const char* key : {"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_dynamic_shifting",
                          "invert_sigmas", "stochastic_sampling", "thresholding", "rescale_betas_zero_snr"})
    expect_flag(in, key, false);
  int train_steps = 1000;
  in.integer("num_train_timesteps", train_steps);
  if (train_steps != 1000) in.fail("\"num_train_timesteps\" is not 1000");
  if (in.has("shift_terminal")) in.fail("\"shift_terminal\" is set, which Framemill does not support");
  if (type == "FlowMatchEulerDiscreteScheduler") {
    c.kind = SamplerKind::FlowEuler;
    in.number("shift", c.shift);
  } else if (type == "UniPCMultistepScheduler") {
    in.expect("solver_type", "bh2");
    int order = 2;
    in.integer("solver_order", order);
    if (order != 2) in.fail("\"solver_order\" is not 2");
    std::string prediction = "epsilon";
    in.text("prediction_type", prediction);
    bool flow = false;
    in.flag("use_flow_sigmas", flow);
    if (prediction != "flow_prediction" || !flow)
      in.fail("the scheduler is not set to flow (\"prediction_type\": \"flow_prediction\", \"use_flow_sigmas\": true)");
    in.number("flow_shift", c.shift);
    in.expect("final_sigmas_type", "zero");
    for (const char* key : {"lower_order_final", "predict_x0"}) expect_flag(in, key, true);
  } else {
    in.fail(
        fmt::format("the scheduler is \"{}\"; known are FlowMatchEulerDiscreteScheduler and "
                    "UniPCMultistepScheduler",
                    type));
  }
  if (!(c.shift >= 0.01 && c.shift <= 100)) in.fail(fmt::format("a shift of {} is outside 0.01 to 100", c.shift));
  FM_TRY(in.status());
  return c;
}

}  // namespace framemill::models
