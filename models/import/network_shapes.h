// Which network a file of weights holds, and its sizes, from the names and shapes of its tensors: for files that come
// without a configuration. What shapes do not tell is what all published models have, and is said in a note.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/component.h"

namespace framemill::models {

// By names without the prefix for a whole network (models/wan/names.h).
using ShapesInFile = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

enum class NetworkKind { Transformer, Autoencoder, TextEncoder };
// Nothing: none that Framemill runs.
std::optional<NetworkKind> network_of(const ShapesInFile& shapes);
// Whether the file is an adapter (LoRA), which changes a model and is not one.
bool is_adapter(const ShapesInFile& shapes);

// `heads`: where something else states it; shapes tell the width alone, which is then cut into heads of 128. Errors:
// model.import, model.network. What was assumed is added to `notes`.
base::Result<WanTransformerConfig> transformer_from_shapes(const ShapesInFile& shapes, std::optional<int> heads,
                                                           std::vector<std::string>& notes);
base::Result<WanAutoencoderConfig> autoencoder_from_shapes(const ShapesInFile& shapes);
base::Result<Umt5Config> text_encoder_from_shapes(const ShapesInFile& shapes);

}  // namespace framemill::models
