// The models that are warm in this executor, and the memory they may use: loading on demand, keeping until memory is
// needed, unloading the one that was idle longest. A model that is not loaded is admitted by the same prediction that
// the scheduler booked with (jobs/memory.h); once it is loaded its generator predicts, from the peaks it has measured.
// Owned by the step loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "jobs/batch_cap.h"
#include "jobs/spec.h"
#include "worker/executor/engine.h"

namespace framemill::worker {

struct Model {
  FoundPackage package;
  std::unique_ptr<gpu::Generator> generator;
  std::uint64_t resident_bytes = 0;
  jobs::BatchCap batch_cap{128, 16'384};  // of calls: the boundary that running out of memory taught
  std::uint32_t users = 0;                // attempts that hold it
  std::uint64_t last_used = 0;
};

enum class BatchKind { Denoise, Decode };

class ModelShelf {
 public:
  static constexpr std::size_t kModelsMax = 16;

  // `hooks`: told of loads of models that are not warm, and from inside long calls.
  ModelShelf(Engine& engine, std::vector<std::filesystem::path> directories, gpu::DeviceSpec device,
             gpu::GeneratorHooks hooks);

  struct Lease {
    Model* model = nullptr;
    bool loaded_now = false;
    double load_us = 0;
  };
  // The model of this id and root digest (32 bytes, raw), loaded, with room for one window of that choice; its users are one more.
  // Errors: not_admitted (no room while other attempts hold their models, or ever), model.digest_mismatch, and what
  // finding and loading say.
  base::Result<Lease> acquire(const std::string& id, const std::string& root_digest, const jobs::WindowChoice& choice);
  void release(Model& model) { --model.users; }

  // Windows of this shape that a batch of the model may hold now: at least one, which was admitted with it.
  std::uint32_t batch_limit(const Model& model, BatchKind kind, const gpu::WindowShape& shape) const;
  void saw_peak(std::uint64_t bytes) { peak_bytes_ = std::max(peak_bytes_, bytes); }
  // Unloads every idle model; whether there was one.
  bool evict_idle();

  std::vector<std::string> warm_digests() const;  // 32 raw bytes each
  std::uint64_t resident_bytes() const;
  std::uint64_t peak_bytes() const { return peak_bytes_; }

 private:
  Model* find(const std::string& root_digest);
  bool make_room(std::uint64_t bytes);
  std::uint64_t available_to(const Model* model) const;

  Engine& engine_;
  const std::vector<std::filesystem::path> directories_;
  const gpu::DeviceSpec device_;
  const gpu::GeneratorHooks hooks_;
  std::list<Model> models_;  // stable addresses
  std::uint64_t clock_ = 0;
  std::uint64_t peak_bytes_ = 0;
};

}  // namespace framemill::worker
