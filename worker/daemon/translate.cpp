#include "worker/daemon/translate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "wire/limits.h"
#include "worker/link/reply.h"
#include "worker/link/usage.h"

namespace framemill::worker {
namespace {

using base::Error;
using base::Result;

constexpr std::size_t kLoadedModelsMax = 256;

Error bad(std::string message) {
  return {"executor.bad_message", std::move(message), "", ""};
}

// What cannot be taken as it was said ends its attempt, not the executor with everybody else's windows in it.
AttemptEnded ended_by_nonsense(const wire::AttemptId& attempt, std::optional<TaskIndex> task, std::string what) {
  AttemptEnded out;
  out.ended.attempt = attempt_from_wire(attempt);
  out.ended.outcome = jobs::Outcome::BadOutput;
  out.ended.code = "executor.bad_result";
  out.ended.text = "The executor's report of it cannot be read: " + std::move(what) + ".";
  if (task) out.ended.failed_tasks.push_back(*task);
  return out;
}

Event finished(const wire::FinishedTask& in) {
  if (in.ByteSizeLong() > wire::kFarmItemBytesMax || in.files_size() > wire::kFilesPerReportMax)
    return ended_by_nonsense(in.attempt(), in.task(),
                             fmt::format("a task with {} files exceeds what a report can carry", in.files_size()));
  for (const wire::OutputFile& file : in.files())
    if (file.sha256().size() != 32 || file.staged().empty() || file.path().empty())
      return ended_by_nonsense(in.attempt(), in.task(), "a file without its digest or its name");
  return TaskFinished{{attempt_from_wire(in.attempt()),
                       {JobId(in.job()), in.phase()},
                       in.task(),
                       static_cast<std::uint32_t>(in.files_size()),
                       in.duration_us(),
                       in.SerializeAsString()}};
}

Event ended(const wire::EndedAttempt& in) {
  const auto outcome = jobs::outcome_from_code(in.outcome());
  if (!outcome)
    return ended_by_nonsense(in.attempt(), std::nullopt,
                             "the outcome " + base::clean_text(in.outcome(), 64) + " does not exist");
  EndedAttempt out;
  out.attempt = attempt_from_wire(in.attempt());
  out.outcome = *outcome;
  out.code = base::clean_text(in.code(), wire::kCodeBytesMax);
  out.text = base::clean_text(in.message(), wire::kTextBytesMax);
  if (in.has_frame()) out.frame = in.frame();
  out.storage_root = base::clean_text(in.storage_root(), wire::kCodeBytesMax);
  out.alone = in.alone();
  out.failed_tasks.assign(in.failed_tasks().begin(),
                          in.failed_tasks().begin() + std::min(in.failed_tasks_size(), 4096));
  out.usage = usage_from_wire(in.usage());
  out.output_tail = base::clean_tail(in.output_tail(), wire::kOutputTailBytesMax, base::Lines::Keep);
  return AttemptEnded{std::move(out)};
}

Result<Event> progressed(const wire::AttemptProgress& in) {
  Progress progress;
  progress.task = in.task();
  progress.step = in.step();
  progress.steps = in.steps();
  progress.batch = in.batch();
  progress.detail = base::clean_text(in.detail(), wire::kDetailBytesMax);
  progress.loading_model = in.loading_model();
  progress.used = usage_from_wire(in.usage());
  return Event(AttemptProgressed{attempt_from_wire(in.attempt()), std::move(progress)});
}

Result<Event> alive(SlotIndex slot, const wire::Alive& in) {
  ExecutorAlive out;
  out.slot = slot;
  out.peak_bytes = in.peak_bytes();
  for (const std::string& bytes : in.loaded_models()) {
    base::Sha256 digest;
    if (bytes.size() != digest.bytes.size() || out.loaded_models.size() >= kLoadedModelsMax)
      return bad("the list of loaded models is not valid");
    std::memcpy(digest.bytes.data(), bytes.data(), bytes.size());
    out.loaded_models.push_back(digest);
  }
  std::sort(out.loaded_models.begin(), out.loaded_models.end());
  return Event(std::move(out));
}

}  // namespace

Result<Event> event_from_executor(SlotIndex slot, const wire::FromExecutor& message) {
  switch (message.message_case()) {
    case wire::FromExecutor::kReady:
      return Event(ExecutorReady{slot, base::clean_text(message.ready().device_class(), 512)});
    case wire::FromExecutor::kProgress:
      return progressed(message.progress());
    case wire::FromExecutor::kFinished:
      return finished(message.finished());
    case wire::FromExecutor::kEnded:
      return ended(message.ended());
    case wire::FromExecutor::kAlive:
      return alive(slot, message.alive());
    case wire::FromExecutor::MESSAGE_NOT_SET:
      break;
  }
  return bad("a message of an unknown kind");
}

wire::Configure configure_message(const WorkerConfig& config, const HostPlan& host, SlotIndex index) {
  const SlotPlan& slot = host.slots[index];
  const Device& device = host.devices[slot.device];
  wire::Configure out;
  out.set_slot(slot.name);
  out.set_device_kind(device.kind);
  out.set_device_id(device.id);
  out.set_threads(slot.threads);
  out.set_memory_bytes_budget(slot.device_bytes_budget);
  for (const auto& directory : config.models) out.add_model_directories(directory.string());
  for (const auto& [name, path] : config.roots) {
    wire::RootPath& root = *out.add_roots();
    root.set_name(name);
    root.set_path(path.string());
  }
  out.set_umask(config.umask);
  return out;
}

SpawnRequest executor_spawn(const WorkerConfig& config, const HostPlan& host, SlotIndex index,
                            const std::filesystem::path& program) {
  const SlotPlan& slot = host.slots[index];
  const Device& device = host.devices[slot.device];
  SpawnRequest request;
  request.argv = {program.string()};
  request.environment = allowed_environment(config.environment);
  // By UUID: numbers change when a board is added or fails. Empty on a CPU slot: no GPU is to be seen there.
  request.environment.push_back("CUDA_VISIBLE_DEVICES=" + (device.kind == "cuda" ? device.id : std::string()));
  request.environment.push_back(fmt::format("OMP_NUM_THREADS={}", slot.threads));
  request.environment.push_back(fmt::format("MKL_NUM_THREADS={}", slot.threads));
  request.cpus = slot.cpus;
  request.niceness = config.niceness;
  return request;
}

}  // namespace framemill::worker
