// The model calls of a batch, with the ladder that running out of memory climbs down: unload idle models and try again,
// then half the batch, then one window; only after that is it an error. What a call took is divided over the windows in
// it. Owned by the step loop.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "worker/executor/attempt.h"
#include "worker/executor/model_shelf.h"

namespace framemill::worker {

class BatchRunner {
 public:
  explicit BatchRunner(ModelShelf& shelf) : shelf_(shelf) {}

  // One sampler step of the first k tasks; returns k, which is less than all where memory was short. Errors:
  // gpu.out_of_memory (not even one window fits), gpu.device.
  base::Result<std::size_t> step(Model& model, std::span<TaskInFlight* const> batch);

  // The next pictures of the first k tasks, whose windows are begun where they were not. Errors: as step, and what
  // decoding says.
  base::Result<std::vector<gpu::ImageBlock>> decode(Model& model, std::span<TaskInFlight* const> batch);

 private:
  template <class Call>
  base::Result<std::size_t> retry_with_smaller_batch(Model& model, std::span<TaskInFlight* const> batch, Call call);
  ModelShelf& shelf_;
};

}  // namespace framemill::worker
