#include "models/component.h"

namespace framemill::models {

ComponentConfig default_config(std::string_view architecture) {
  if (architecture == kWanTransformer) return WanTransformerConfig();
  if (architecture == kWanAutoencoder) return WanAutoencoderConfig();
  if (architecture == kUmt5Encoder) return Umt5Config();
  if (architecture == kDemoClips) return NetworkShape();
  return std::monostate();
}

bool is_weights(const Component& component) {
  return !std::holds_alternative<std::monostate>(component.config);
}

}  // namespace framemill::models
