#include "gpu/torch/wan/embedding_cache.h"

namespace framemill::gpu {

at::Tensor EmbeddingCache::find(const std::vector<int>& tokens) {
  const auto found = by_tokens_.find(tokens);
  if (found == by_tokens_.end()) return {};
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->embedding;
}

void EmbeddingCache::put(const std::vector<int>& tokens, const at::Tensor& embedding) {
  if (embedding.nbytes() > bytes_max_ || by_tokens_.contains(tokens)) return;
  bytes_ += embedding.nbytes();
  entries_.push_front({tokens, embedding});
  by_tokens_[tokens] = entries_.begin();
  while (bytes_ > bytes_max_) {
    bytes_ -= entries_.back().embedding.nbytes();
    by_tokens_.erase(entries_.back().tokens);
    entries_.pop_back();
  }
}

}  // namespace framemill::gpu
