// Unigram models as the `tokenizers` library stores them ("tokenizer.json"): vocabulary with scores, added tokens,
// normalisers (Precompiled, Replace, Strip), pre-tokenisers (WhitespaceSplit, Metaspace) and the end token that the
// post-processor adds; and how that library cuts a text. Whatever else a file asks for is refused by name: a text cut
// in another way than the network has learnt it would be wrong and look right.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "models/text/segmenter.h"

namespace framemill::models {

// The bytes of a file. Errors: model.tokenizer (not JSON, too deep or large, a part that is missing or not supported,
// those of Unigram::make and Charsmap::make).
base::Result<std::unique_ptr<const Segmenter>> read_tokenizer_json(std::string_view file);

}  // namespace framemill::models
