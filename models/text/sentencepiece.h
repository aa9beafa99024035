// Unigram models as SentencePiece stores them ("spiece.model"): the file, a protobuf message ModelProto, and how that
// library normalises and cuts a text. Read here rather than by the library: it aborts the process on files that it does
// not like, and Debian's carries an old protobuf of its own that meets ours in one process (docs/decisions/0026). Equal
// ids are held by tests.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "models/text/segmenter.h"

namespace framemill::models {

// The bytes of a file. Errors: model.tokenizer (not such a file, cut short, a model that is not unigram, a setting that
// is not supported, no unknown or end piece, those of Unigram::make and Charsmap::make).
base::Result<std::unique_ptr<const Segmenter>> read_sentencepiece(std::string_view file);

}  // namespace framemill::models
