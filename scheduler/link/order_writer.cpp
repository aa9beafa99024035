#include "scheduler/link/order_writer.h"

#include <fmt/format.h>

#include <memory>
#include <set>
#include <utility>

#include "base/log.h"
#include "jobs/manifest_groups.h"
#include "scheduler/link/report.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::scheduler {
namespace {

GrantUndeliverable lost_on_the_way(const wire::Grant& grant, WorkerPort::Sent sent) {
  GrantUndeliverable event;
  event.attempt = attempt_from_wire(grant.attempt());
  event.error = jobs::AttemptError::GrantNotSent;
  event.message =
      sent == WorkerPort::Sent::Full ? "The queue of messages to its worker is full." : "Its worker is not connected.";
  return event;
}

GrantUndeliverable too_large(const wire::Grant& grant, std::size_t bytes) {
  return {attempt_from_wire(grant.attempt()), jobs::AttemptError::GrantTooLarge,
          fmt::format("The grant with its {} inputs takes {} bytes; a message holds {}. Use shorter paths, or fewer "
                      "inputs in one task.",
                      grant.inputs_size(), bytes, wire::kFarmItemBytesMax)};
}

GrantUndeliverable inputs_unknown(const AttemptId& attempt, const base::Error& error) {
  return {attempt, jobs::AttemptError::GrantInputsUnknown,
          fmt::format("The files that it reads could not be looked up: {}", error.message)};
}

// All of a grant but the files of other tasks.
void write_grant(const GrantLease& lease, const JobRecord& job, const TaskRuns& runs_of, wire::Grant& out) {
  attempt_to_wire(lease.attempt, *out.mutable_attempt());
  out.mutable_tasks()->set_job(lease.phase.job.value);
  out.mutable_tasks()->set_phase(lease.phase.index);
  out.mutable_tasks()->set_first(lease.tasks.first);
  out.mutable_tasks()->set_count(lease.tasks.count);
  out.set_slot(lease.slot);
  out.set_lease_ttl_ms(static_cast<std::uint32_t>(lease.lease_ttl.ms));
  out.set_timeout_ms(static_cast<std::uint64_t>(lease.timeout.ms));
  out.set_booking_bytes(lease.booking_bytes);
  out.set_batch_max(lease.batch_max);
  write_recipe(job, lease.phase.index, *out.mutable_recipe());
  if (job.plan->phases[lease.phase.index].traits().waits_for_end)
    write_failed_frames(job, lease.phase.index, runs_of, *out.mutable_recipe());
  out.set_remake_of(job.remake_of.value);
  write_root_inputs(job, lease.phase.index, lease.tasks, out);
}

}  // namespace

OrderWriter::OrderWriter(jobs::Epoch epoch, const Farm& farm, CommittedFilesCache& files, WorkerPort& workers,
                         Callbacks callbacks)
    : farm_(farm), files_(files), callbacks_(std::move(callbacks)),
      outbox_(
          epoch,
          [this, &workers](WorkerId worker, const wire::SchedulerReply& reply) {
            const WorkerRecord* record = farm_.worker(worker);
            return record != nullptr ? workers.send(record->key, reply) : WorkerPort::Sent::Gone;
          },
          [this](const wire::Grant& grant, WorkerPort::Sent sent) {
            callbacks_.on_undeliverable(lost_on_the_way(grant, sent));
          }) {}

// The states of a job's tasks, as a sheet shows them: of a remake, those of the job that it belongs to.
TaskRuns OrderWriter::runs_for(const JobRecord& job) const {
  return [this, of = job.remake_of](PhaseId phase) {
    if (of && farm_.job(of) != nullptr) phase.job = of;
    return farm_.task_runs(phase);
  };
}

void OrderWriter::add(const GrantLease& lease) {
  const JobRecord* job = farm_.job(lease.phase.job);
  if (job == nullptr) return;  // forgotten, and its attempts with it
  auto grant = std::make_shared<wire::Grant>();
  write_grant(lease, *job, runs_for(*job), *grant);

  std::vector<WantedInput> wanted;
  std::vector<CommittedFilesCache::Key> keys;
  for (const WantedInput& input : wanted_inputs(*job, lease.phase.index, lease.tasks))
    for (TaskIndex t = input.tasks.first; t < input.tasks.end(); ++t) {
      // A sheet is made of what is there; what was committed and could not get its name is not.
      if (farm_.task_state(input.phase, t) != jobs::TaskState::Published) continue;
      wanted.push_back(input);
      keys.push_back({farm_.committed_as(input.phase, t), t});
    }
  files_.find(keys, [this, grant, wanted, worker = lease.worker, attempt = lease.attempt,
                     phase = lease.phase](base::Result<CommittedFilesCache::Found> found) {
    if (!found.ok()) return callbacks_.on_undeliverable(inputs_unknown(attempt, found.error()));
    finish_grant(worker, phase, *grant, wanted, *found);
  });
}

void OrderWriter::finish_grant(WorkerId worker, PhaseId phase, wire::Grant& grant,
                               const std::vector<WantedInput>& wanted, const CommittedFilesCache::Found& found) {
  const JobRecord* job = farm_.job(phase.job);
  if (job == nullptr) return;  // forgotten meanwhile, and its attempts with it
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (found[i]) write_input(*job, wanted[i], *found[i], grant);
  order_inputs(grant);
  if (const std::size_t bytes = grant.ByteSizeLong(); bytes > wire::kFarmItemBytesMax)
    return callbacks_.on_undeliverable(too_large(grant, bytes));
  outbox_.add(worker, std::move(grant));
  callbacks_.on_ready();
}

void OrderWriter::add(const OrderPublish& order) {
  std::vector<CommittedFilesCache::Key> keys;
  for (TaskIndex t = order.tasks.first; t < order.tasks.end(); ++t) keys.push_back({order.phase, t});
  files_.find(keys, [this, order](base::Result<CommittedFilesCache::Found> found) {
    // Too many questions at once (store.busy): the core orders again what is not published in time.
    if (!found.ok()) return base::log_debug("scheduler", "files to publish: {}", found.error().message);
    finish_publish(order, *found);
  });
}

void OrderWriter::finish_publish(const OrderPublish& order, const CommittedFilesCache::Found& found) {
  const JobRecord* job = farm_.job(order.phase.job);
  const bool on_record =
      job != nullptr && !job->remake_of && jobs::is_on_manifest(job->plan->phases[order.phase.index]);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) continue;
    const CommittedFiles& committed = *found[i];
    const TaskIndex task = order.tasks.first + static_cast<TaskIndex>(i);
    wire::PublishOrder out;
    attempt_to_wire(committed.attempt, *out.mutable_attempt());  // after a restart the order names none
    out.mutable_tasks()->set_job(order.phase.job.value);
    out.mutable_tasks()->set_phase(order.phase.index);
    out.mutable_tasks()->set_first(task);
    out.mutable_tasks()->set_count(1);
    out.set_root(committed.root);
    out.set_on_record(on_record);
    for (const FileRecord& file : committed.files) write_file(file, *out.add_files());
    if (const RemakeRecord* remade = farm_.remade(order.phase, task); remade != nullptr && job != nullptr)
      write_remake(*job, *remade, farm_.job(remade->of), *out.mutable_remake());
    outbox_.add(order.worker, std::move(out));
  }
  callbacks_.on_ready();
}

void OrderWriter::add(const OrderManifest& order) {
  const JobRecord* job = farm_.job(order.job);
  if (job == nullptr) return;
  wire::ManifestOrder out;
  write_manifest_order(*job, order.number, [this](PhaseId phase) { return farm_.task_runs(phase); }, out);
  // What has changed meanwhile is ordered anew by the core.
  if (out.revision() == order.revision) outbox_.add(order.worker, std::move(out));
}

void OrderWriter::add(const OrderDiscard& order) {
  const JobRecord* job = farm_.job(order.job);
  if (job == nullptr) return;
  std::set<std::string> roots;
  for (const jobs::PhasePlan& phase : job->plan->phases) roots.insert(phase.root);
  outbox_.add(order, {roots.begin(), roots.end()});
}

}  // namespace framemill::scheduler
