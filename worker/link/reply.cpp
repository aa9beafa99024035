#include "worker/link/reply.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "wire/limits.h"
#include "wire/recipe_kind.h"

namespace framemill::worker {
namespace {

using base::Error;
using base::Result;

constexpr std::int64_t kLeaseTtlMsMin = 500;
constexpr std::int64_t kLeaseTtlMsMax = 24 * 3600 * 1000;
constexpr std::uint64_t kTimeoutMsMax = 365ull * 24 * 3600 * 1000;

Error bad(std::string field, std::string message) {
  return {"link.bad_reply", std::move(message), std::move(field),
          "the worker and the scheduler may be of different versions"};
}

Result<TaskRange> task_range(const wire::Tasks& tasks, const char* field) {
  const std::uint64_t end = std::uint64_t{tasks.first()} + tasks.count();
  if (tasks.count() == 0 || end > UINT32_MAX) return bad(field, "a range of tasks that is empty or too large");
  return TaskRange{tasks.first(), tasks.count()};
}

Result<Runner> runner_of(const wire::Recipe& recipe) {
  const auto kind = wire::phase_kind(recipe);
  if (!kind) return bad("grants.recipe", "a recipe of an unknown kind");
  return jobs::traits(*kind).runner;
}

bool digest_or_nothing(const std::string& bytes) {
  return bytes.empty() || bytes.size() == 32;
}

Result<Lease> lease_of(const wire::Grant& grant) {
  Lease lease;
  lease.attempt = attempt_from_wire(grant.attempt());
  if (!lease.attempt) return bad("grants.attempt", "an attempt without its number");
  lease.phase = {JobId(grant.tasks().job()), grant.tasks().phase()};
  FM_ASSIGN(lease.tasks, task_range(grant.tasks(), "grants.tasks"));
  FM_ASSIGN(lease.runner, runner_of(grant.recipe()));
  lease.slot = grant.slot();
  if (const auto* work = wire::model_work(grant.recipe())) {
    const std::string& digest = work->model_digest();
    if (digest.size() != lease.model.bytes.size())
      return bad("grants.recipe.model_digest", "a model digest is missing");
    std::copy(digest.begin(), digest.end(), lease.model.bytes.begin());
  }
  lease.ttl = base::milliseconds(grant.lease_ttl_ms());
  if (lease.ttl.ms < kLeaseTtlMsMin || lease.ttl.ms > kLeaseTtlMsMax)
    return bad("grants.lease_ttl_ms", fmt::format("a lease of {} ms", lease.ttl.ms));
  lease.timeout = base::milliseconds(static_cast<std::int64_t>(std::min(grant.timeout_ms(), kTimeoutMsMax)));
  lease.root = grant.recipe().root();
  if (lease.root.empty()) return bad("grants.recipe.root", "a recipe without a root for its outputs");
  for (const wire::InputFile& input : grant.inputs())
    if (input.root().empty() || input.path().empty() || !digest_or_nothing(input.sha256()))
      return bad("grants.inputs", "an input without root and path, or with half a digest");
  return lease;
}

Result<PublishDuty> duty_of(const wire::PublishOrder& order) {
  PublishDuty duty;
  duty.attempt = attempt_from_wire(order.attempt());
  duty.phase = {JobId(order.tasks().job()), order.tasks().phase()};
  FM_ASSIGN(duty.tasks, task_range(order.tasks(), "publish.tasks"));
  if (order.files_size() > wire::kFilesPerReportMax) return bad("publish.files", "more than 4,096 files in one order");
  for (const wire::OutputFile& file : order.files())
    if (file.sha256().size() != 32 || file.staged().empty() || file.path().empty())
      return bad("publish.files", "a file without its digest or its names");
  if (order.remake().before_size() > wire::kFilesPerReportMax)
    return bad("publish.remake", "more than 4,096 files in one order");
  for (const wire::OutputFile& file : order.remake().before())
    if (file.sha256().size() != 32 || file.path().empty())
      return bad("publish.remake", "a file on record without its digest or its name");
  return duty;
}

Result<RevokedLease> revoked_of(const wire::Revoke& revoke) {
  RevokedLease revoked{attempt_from_wire(revoke.attempt()), jobs::revoke_reason_from_code(revoke.reason()), {}};
  if (revoke.has_keep() && revoke.keep().count() > 0) {
    FM_ASSIGN(revoked.keep, task_range(revoke.keep(), "revokes.keep"));
  }
  return revoked;
}

// A part that makes no sense costs that part: the leases of the other jobs in the message are good.
void read_grants(const wire::SchedulerReply& in, Reply& out) {
  for (const wire::Grant& grant : in.grants()) {
    auto lease = lease_of(grant);
    if (!lease.ok()) {
      const AttemptId attempt = attempt_from_wire(grant.attempt());
      if (attempt)
        out.event.refused_grants.push_back(
            {attempt, "grant.invalid",
             fmt::format("The worker cannot read its grant: {}: {}.", lease.error().field, lease.error().message)});
      out.bad_items.push_back(lease.error());
      continue;
    }
    out.grants[lease->attempt] = grant;
    out.event.grants.push_back(std::move(*lease));
  }
}

void read_lists(const wire::SchedulerReply& in, Reply& out) {
  read_grants(in, out);
  for (const wire::Revoke& revoke : in.revokes()) {
    if (auto revoked = revoked_of(revoke); revoked.ok())
      out.event.revokes.push_back(std::move(*revoked));
    else
      out.bad_items.push_back(revoked.error());
  }
  for (const wire::PublishOrder& order : in.publish()) {
    const auto duty = duty_of(order);
    if (!duty.ok()) {
      out.bad_items.push_back(duty.error());
      continue;
    }
    out.publishes[*duty] = order;
    out.event.publishes.push_back(*duty);
  }
  for (const wire::ManifestOrder& order : in.manifests()) {
    const ManifestDuty duty{JobId(order.job()), order.number(), order.revision()};
    if (!duty.job || order.root().empty()) {
      out.bad_items.push_back(bad("manifests", "a manifest without its job or its root"));
      continue;
    }
    out.manifests[duty] = order;
    out.event.manifests.push_back(duty);
  }
  if (in.has_watch()) {
    out.watch.emplace();
    for (const wire::WatchedFiles& files : in.watch().files())
      if (!files.root().empty() && !files.path_printf().empty()) *out.watch->add_files() = files;
  }
  for (const wire::Discard& discard : in.discard()) {
    const JobId job(discard.job());
    if (!job) {
      out.bad_items.push_back(bad("discard.job", "0 is not a valid job number"));
      continue;
    }
    out.discards[job].assign(discard.roots().begin(), discard.roots().end());
    out.event.discards.push_back(job);
  }
}

}  // namespace

void tasks_to_wire(const PhaseId& phase, const TaskRange& tasks, wire::Tasks& out) {
  out.set_job(phase.job.value);
  out.set_phase(phase.index);
  out.set_first(tasks.first);
  out.set_count(tasks.count);
}

Result<Reply> parse_reply(std::string_view bytes) {
  wire::SchedulerReply in;
  if (bytes.size() > wire::kFarmMessageBytesMax || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return bad("", "the message does not parse as a SchedulerReply");
  if (in.protocol() < wire::kProtocolVersionOldest || in.protocol() > wire::kProtocolVersion)
    return Error{"link.protocol",
                 fmt::format("the scheduler speaks protocol {}, this worker {} to {}", in.protocol(),
                             wire::kProtocolVersionOldest, wire::kProtocolVersion),
                 "protocol", "install one version of Framemill on scheduler and workers"};
  Reply out;
  out.incarnation = in.incarnation();
  out.epoch = {in.epoch(), in.epoch_nonce()};
  out.durable_sequence = in.durable_sequence();
  out.era = in.era();
  out.refused = base::clean_text(in.refused(), 1024);
  out.event.acked_report = in.acked_report();
  if (in.lists_acked_reports()) out.event.acked_reports.emplace(in.acked_reports().begin(), in.acked_reports().end());
  out.event.lease_proof = in.lease_proof() && in.refused().empty();
  out.event.drain = in.drain();
  out.event.send_inventory = in.send_inventory();
  out.event.next_report = base::milliseconds(in.next_report_ms());
  read_lists(in, out);
  return out;
}

}  // namespace framemill::worker
