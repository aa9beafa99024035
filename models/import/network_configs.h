// The configuration files of the Wan networks as values: those that diffusers and transformers write, and the authors'
// own. Each result has passed its check().
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "base/result.h"
#include "models/manifest.h"

namespace framemill::models {

// `file` names the object in errors. Errors: model.import (a field of the wrong type, a setting that is not supported),
// model.network.
base::Result<WanTransformerConfig> transformer_config(const boost::json::object& object, const std::string& file);
base::Result<WanAutoencoderConfig> autoencoder_config(const boost::json::object& object, const std::string& file);
base::Result<Umt5Config> text_encoder_config(const boost::json::object& object, const std::string& file);

struct SchedulerConfig {
  SamplerKind kind = SamplerKind::FlowUnipc;
  double shift = 1.0;
};
base::Result<SchedulerConfig> scheduler_config(const boost::json::object& object, const std::string& file);

// Ratios follow from the levels; the published statistics of latents are filled in where a configuration states none and
// they are known for its z_dim (16 and 48).
void complete_autoencoder(WanAutoencoderConfig& config);

}  // namespace framemill::models
