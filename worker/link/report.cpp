#include "worker/link/report.h"

#include "base/check.h"
#include "base/text.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"
#include "worker/link/reply.h"
#include "worker/link/usage.h"

namespace framemill::worker {
namespace {

// What programs, libraries and file names say (wire/farm.proto); bounds in wire/limits.h.
std::string text_to_wire(const std::string& text, std::size_t bytes_max = wire::kTextBytesMax) {
  return base::clean_text(text, bytes_max);
}

void write(const RunningLease& running, wire::RunningAttempt& out) {
  attempt_to_wire(running.attempt, *out.mutable_attempt());
  tasks_to_wire(running.phase, running.tasks, *out.mutable_tasks());
  out.set_slot(running.slot);
  out.set_task(running.progress.task);
  out.set_step(running.progress.step);
  out.set_steps(running.progress.steps);
  out.set_batch(running.progress.batch);
  out.set_model_warm(running.model_warm);
  out.set_peak_bytes(running.progress.peak_bytes);
  out.set_detail(text_to_wire(running.progress.detail, wire::kDetailBytesMax));
  out.set_loading_model(running.progress.loading_model);
  usage_numbers_to_wire(running.used, *out.mutable_usage());
  out.set_moves(running.moves);
  if (!running.output.empty())
    out.set_output(base::clean_tail(running.output, wire::kOutputTailBytesMax, base::Lines::Keep));
}

void write_ended(const EndedAttempt& ended, wire::EndedAttempt& out) {
  attempt_to_wire(ended.attempt, *out.mutable_attempt());
  out.set_outcome(std::string(jobs::outcome_row(ended.outcome).code));
  out.set_code(text_to_wire(ended.code, wire::kCodeBytesMax));
  out.set_message(text_to_wire(ended.text));
  if (ended.frame) {
    out.set_frame(*ended.frame);
    out.set_has_frame(true);
  }
  out.set_alone(ended.alone);
  usage_to_wire(ended.usage, *out.mutable_usage());
  out.set_output_tail(base::clean_tail(ended.output_tail, wire::kOutputTailBytesMax, base::Lines::Keep));
  out.set_storage_root(text_to_wire(ended.storage_root, wire::kCodeBytesMax));
  for (const TaskIndex task : ended.failed_tasks) out.add_failed_tasks(task);
}

struct ItemWriter {
  wire::WorkerReport& out;

  void operator()(const FinishedTask& task) const {
    FM_CHECK(out.add_finished()->ParseFromString(task.message), "a finished task was checked when it came");
  }
  void operator()(const EndedAttempt& ended) const { write_ended(ended, *out.add_ended()); }
  void operator()(const PublishedTasks& published) const {
    tasks_to_wire(published.duty.phase, published.duty.tasks, *out.add_published()->mutable_tasks());
  }
  void operator()(const PublishFailure& failure) const {
    wire::PublishFailure& entry = *out.add_publish_failed();
    tasks_to_wire(failure.duty.phase, failure.duty.tasks, *entry.mutable_tasks());
    entry.set_code(text_to_wire(failure.code, wire::kCodeBytesMax));
    entry.set_message(text_to_wire(failure.text));
  }
  void operator()(const ManifestResult& result) const {
    wire::ManifestResult& entry = *out.add_manifests();
    entry.set_job(result.duty.job.value);
    entry.set_number(result.duty.number);
    entry.set_revision(result.duty.revision);
    entry.set_code(text_to_wire(result.code, wire::kCodeBytesMax));
    entry.set_message(text_to_wire(result.text));
  }
  void operator()(const DiscardedJob& discarded) const { out.add_discarded_jobs(discarded.job.value); }
};

}  // namespace

std::string write_report(const Report& report, const wire::Inventory* inventory,
                         const std::vector<wire::FilesLookedFor>& looked_for, const ReportContext& context) {
  wire::WorkerReport out;
  out.set_protocol(wire::kProtocolVersion);
  out.set_incarnation(context.incarnation);
  out.set_sequence(report.sequence);
  out.set_draining(report.draining);
  out.set_acked_epoch(context.epoch.number);
  out.set_acked_epoch_nonce(context.epoch.nonce);
  out.set_acked_era(context.era);
  out.set_acked_durable_sequence(context.durable_sequence);
  if (report.with_inventory && inventory != nullptr) *out.mutable_inventory() = *inventory;
  for (const RunningLease& running : report.running) write(running, *out.add_running());
  out.set_tells_publishing(report.tells_publishing);
  for (const auto& [phase, tasks] : report.publishing) tasks_to_wire(phase, tasks, *out.add_publishing());
  for (const StagedAttempt& staged : report.staged) {
    wire::StagedAttempt& entry = *out.add_staged();
    attempt_to_wire(staged.attempt, *entry.mutable_attempt());
    entry.set_job(staged.phase.job.value);
    entry.set_phase(staged.phase.index);
    entry.mutable_tasks()->Assign(staged.tasks.begin(), staged.tasks.end());
  }
  for (const wire::FilesLookedFor& looked : looked_for) *out.add_looked_for() = looked;
  for (const ReportItem& item : report.items) std::visit(ItemWriter{out}, item);
  return out.SerializeAsString();
}

}  // namespace framemill::worker
