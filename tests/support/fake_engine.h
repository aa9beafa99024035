// A model without LibTorch: latents of 2 x 2 x 2 per frame and pictures of 8 x 8, made by arithmetic that depends on
// the seed, the frame, the prompt and the context and on nothing else, so that real reproducibility is tested on the
// real loop. And the faults that a real model may have, on purpose: a prompt of "nan", "black", "frozen", "crash",
// "hang", "slow" or "oom" does that. For tests alone; one thread.
#pragma once

#include <filesystem>

#include "worker/executor/engine.h"

namespace framemill::tests {

class FakeEngine final : public worker::Engine {
 public:
  // Any id is found; its root digest is sha256(id). Models named "big..." are 60 bytes, others 40 bytes resident; one
  // named "hangs..." does so after the first pictures of a window.
  base::Result<worker::FoundPackage> find(const std::vector<std::filesystem::path>& directories,
                                          const std::string& id) override;
  base::Result<std::unique_ptr<gpu::Generator>> load(const std::filesystem::path& package_directory,
                                                     const gpu::DeviceSpec& device,
                                                     const gpu::GeneratorHooks& hooks) override;
  std::string device_class(const gpu::DeviceSpec& device) override;
  double matmul_gflops(const gpu::DeviceSpec&) override { return 1000; }
};

inline constexpr int kFakeWindowFrames = 4;
inline constexpr int kFakeContextFrames = 1;
inline constexpr int kFakeOomBatch = 3;  // windows of prompt "oom" that no longer fit into one batch

}  // namespace framemill::tests
