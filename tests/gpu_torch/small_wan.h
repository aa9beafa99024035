// Small packages of the Wan family with random weights, written to a temporary directory: every part is there, a window
// takes milliseconds, and the pictures are noise.
#pragma once

#include <filesystem>
#include <string>

namespace framemill::gpu {

struct SmallWan {
  std::string name = "small-wan";
  bool begins_with_frames = false;  // as 2.2 5B: context_frames = 1 and a noise level per token
  bool two_experts = false;         // as 2.2 A14B
  bool bfloat16 = false;            // stored and computed
};

class SmallWanPackage {
 public:
  explicit SmallWanPackage(const SmallWan& kind = {});
  ~SmallWanPackage();
  SmallWanPackage(const SmallWanPackage&) = delete;
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path root_, directory_;
};

}  // namespace framemill::gpu
