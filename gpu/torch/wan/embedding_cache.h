// Text embeddings by the tokens that they stand for, so that a prompt of many windows is encoded once. Bounded by bytes;
// the one used longest ago goes first. One thread.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <list>
#include <map>
#include <vector>

namespace framemill::gpu {

class EmbeddingCache {
 public:
  explicit EmbeddingCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // Undefined where it is not here.
  at::Tensor find(const std::vector<int>& tokens);
  // What is larger than the bound is not kept.
  void put(const std::vector<int>& tokens, const at::Tensor& embedding);
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::vector<int> tokens;
    at::Tensor embedding;
  };
  std::list<Entry> entries_;  // used last first
  std::map<std::vector<int>, std::list<Entry>::iterator> by_tokens_;
  std::uint64_t bytes_ = 0;
  const std::uint64_t bytes_max_;
};

}  // namespace framemill::gpu
