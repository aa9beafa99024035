#include "worker/executor/batch_runner.h"

#include "base/log.h"
#include "jobs/attempt_error.h"

namespace framemill::worker {
namespace {

void account(std::span<TaskInFlight* const> batch, double us, std::uint64_t peak_bytes) {
  const double share = us / static_cast<double>(batch.size());
  for (TaskInFlight* task : batch) {
    task->compute_us += share;
    UsageMeter& usage = task->attempt->usage;
    usage.add_compute(share);
    usage.saw_batch(static_cast<std::uint32_t>(batch.size()));
    usage.saw_peak(peak_bytes);
    for (const TaskInFlight* mate : batch)
      if (mate->attempt->grant.tasks().job() != task->attempt->grant.tasks().job())
        usage.saw_mate(mate->attempt->phase_text());
  }
}

}  // namespace

template <class Call>
base::Result<std::size_t> BatchRunner::retry_with_smaller_batch(Model& model, std::span<TaskInFlight* const> batch,
                                                                Call call) {
  std::size_t windows = batch.size();
  while (true) {
    const auto start = Clock::now();
    const base::Status status = call(batch.first(windows));
    const double us = microseconds_since(start);
    if (status.ok()) {
      const std::uint64_t peak_bytes = model.generator->memory().peak_bytes;
      account(batch.first(windows), us, peak_bytes);
      shelf_.saw_peak(peak_bytes);
      const std::uint32_t cap = model.batch_cap.limit();
      model.batch_cap.went_well(static_cast<std::uint32_t>(windows));
      if (model.batch_cap.limit() != cap)
        base::log_info("executor", "{}: batches of {} went well; larger ones are tried again", model.package.facts.id(),
                       cap);
      return windows;
    }
    for (TaskInFlight* task : batch.first(windows)) task->attempt->usage.add_lost(us / static_cast<double>(windows));
    if (!is(status, jobs::AttemptError::OutOfMemory)) return status.error();
    if (shelf_.evict_idle()) continue;
    if (windows == 1) return status.error();
    model.batch_cap.ran_out(static_cast<std::uint32_t>(windows));
    windows /= 2;
    base::log_warning("executor", "{}: out of memory; batches of {} from now on", model.package.facts.id(), windows);
  }
}

base::Result<std::size_t> BatchRunner::step(Model& model, std::span<TaskInFlight* const> batch) {
  FM_ASSIGN(const std::size_t advanced, retry_with_smaller_batch(
                                            model, batch,
                                            [&](std::span<TaskInFlight* const> tasks) {
                                              std::vector<gpu::Window*> windows;
                                              for (TaskInFlight* task : tasks) windows.push_back(task->flight.get());
                                              return model.generator->step(windows);
                                            }));
  for (TaskInFlight* task : batch.first(advanced)) task->attempt->usage.add_steps(1);
  return advanced;
}

base::Result<std::vector<gpu::ImageBlock>> BatchRunner::decode(Model& model, std::span<TaskInFlight* const> batch) {
  std::vector<gpu::ImageBlock> pieces;
  const auto decoded =
      retry_with_smaller_batch(model, batch, [&](std::span<TaskInFlight* const> tasks) -> base::Status {
        std::vector<gpu::Decoding*> windows;
        for (TaskInFlight* task : tasks) {
          if (!task->decoding) {
            FM_ASSIGN(task->decoding, model.generator->begin_decode(*task->inputs.latents));
          }
          windows.push_back(task->decoding.get());
        }
        FM_ASSIGN(pieces, model.generator->decode_next(windows));
        if (pieces.size() != windows.size())
          return base::Error{"gpu.decode", "the decoder gave another number of windows than it got", "", ""};
        return {};
      });
  if (!decoded.ok()) return decoded.error();
  return pieces;
}

}  // namespace framemill::worker
