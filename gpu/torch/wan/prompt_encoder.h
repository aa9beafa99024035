// From a prompt to what the denoiser attends to: cleaned, cut into tokens, encoded, and remembered.
#pragma once

#include <memory>
#include <string>

#include "gpu/torch/wan/embedding_cache.h"
#include "gpu/torch/wan/wan_components.h"
#include "gpu/torch/wan/wan_facts.h"
#include "models/text/tokenizer.h"

namespace framemill::gpu {

class PromptEncoder {
 public:
  static constexpr std::uint64_t kBytesMax = 256 << 20;  // of embeddings that are remembered

  explicit PromptEncoder(std::shared_ptr<const models::Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)), known_(kBytesMax) {}

  // [L, text_dim] float32 on the device: of the prompt's tokens alone, at most the package's max_tokens. Loads the text
  // encoder only for a prompt that is not known. Throws what LibTorch throws. Errors: model.weights (a tokeniser that is
  // not the encoder's).
  base::Result<at::Tensor> encode(const std::string& prompt, const WanFacts& facts, WanComponents& components,
                                  at::Device device, const std::function<void()>& working);

 private:
  std::shared_ptr<const models::Tokenizer> tokenizer_;
  EmbeddingCache known_;
};

}  // namespace framemill::gpu
