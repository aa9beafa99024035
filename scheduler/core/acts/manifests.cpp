#include "scheduler/core/acts/manifests.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/os_error.h"
#include "scheduler/core/policy/failure_text.h"
#include "scheduler/core/policy/publish_servers.h"
#include "scheduler/core/policy/readiness.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kManifestRepeatAfter = base::seconds(2);
// A worker that is heard may be at work on a long manifest; another is asked only then.
constexpr base::Duration kManifestHandOverAfter = base::seconds(30);
constexpr std::uint32_t kManifestFailuresMax = 5;  // a full disk does not count
constexpr std::uint32_t kManifestOrdersPerReport = 16;

std::uint64_t tasks_published(const JobEntry& job, const jobs::ManifestGroup& group) {
  std::uint64_t tasks = 0;
  for (const jobs::PhaseIndex phase : group.phases) tasks += job.phases[phase].tasks.count(TaskState::Published);
  return tasks;
}

bool are_group_frames_over(const JobEntry& job, const jobs::ManifestGroup& group) {
  return std::all_of(group.phases.begin(), group.phases.end(), [&](jobs::PhaseIndex phase) {
    const PhaseEntry& frames = job.phases[phase];
    return are_over(job, frames, {0, frames.tasks.size()});
  });
}

void order_manifest(FarmState& farm, const FarmState::ManifestKey& key, ManifestDuty& duty, WorkerId worker) {
  duty.worker = worker;
  duty.ordered = farm.now();
  farm.turn.effects.manifests.push_back({worker, key.first, key.second, duty.revision});
}

void settle_manifest(FarmState& farm, JobEntry& job, std::uint32_t number) {
  farm.manifests.erase({job.record.id, number});
  --job.manifests_owed;
  farm.turn.touch(job);
}

void owe_manifest(FarmState& farm, JobEntry& job, std::uint32_t number) {
  ManifestState& manifest = job.manifests[number];
  const FarmState::ManifestKey key{job.record.id, number};
  const auto owed = farm.manifests.find(key);
  const std::uint64_t revision = tasks_published(job, manifest.group);
  const bool due = revision > 0 && revision != manifest.covers && are_group_frames_over(job, manifest.group);
  if (owed != farm.manifests.end()) {
    if (due && owed->second.revision == revision) return;
    settle_manifest(farm, job, number);
  }
  if (!due) return;
  ++job.manifests_owed;
  ManifestDuty& duty = farm.manifests[key];
  duty.revision = revision;
  const WorkerId committer = job.phases[manifest.group.phases.back()].last_worker;
  if (const WorkerId server = publish_server(farm, manifest.group.root, committer))
    order_manifest(farm, key, duty, server);
}

}  // namespace

void owe_manifests(FarmState& farm, JobEntry& job) {
  for (std::uint32_t number = 0; number < job.manifests.size(); ++number) owe_manifest(farm, job, number);
}

void repeat_manifests(FarmState& farm, WorkerEntry& worker) {
  std::uint32_t ordered = 0;
  for (auto entry = farm.manifests.begin(); entry != farm.manifests.end() && ordered < kManifestOrdersPerReport;) {
    auto& [key, duty] = *entry++;
    const JobEntry* job = farm.jobs.find(key.first);
    if (job == nullptr) {  // cancelled, and forgotten since
      farm.manifests.erase(key);
      continue;
    }
    const WorkerEntry* server = farm.workers.find(duty.worker);
    const bool is_mine = duty.worker == worker.record.id;
    const bool is_served = server != nullptr && !server->silent && !server->record.revoked && !is_mine;
    if (duty.ordered != base::Instant{INT64_MIN} &&
        duty.ordered + (is_served ? kManifestHandOverAfter : kManifestRepeatAfter) > farm.now())
      continue;
    if (worker.record.revoked || !worker.known || !worker.sees_root(job->manifests[key.second].group.root)) continue;
    order_manifest(farm, key, duty, worker.record.id);
    ++ordered;
  }
}

void on_manifest_written(FarmState& farm, WorkerId worker, const ManifestWritten& written) {
  const auto owed = farm.manifests.find({written.job, written.number});
  if (owed == farm.manifests.end() || owed->second.revision != written.revision) return;
  JobEntry* job = farm.jobs.find(written.job);
  if (job == nullptr) return;
  ManifestDuty& duty = owed->second;
  if (!written.code.empty()) {
    // A report that repeats itself is one failure, and the duty may be another worker's by now.
    if (duty.worker != worker || duty.ordered > farm.now()) return;
    if (written.code == text_of(base::SystemError::StorageFull) || ++duty.failures < kManifestFailuresMax) {
      duty.ordered = farm.now() + farm.settings.back_off_first;
      return;
    }
  }
  job->manifests[written.number].covers = written.revision;
  const std::string where = job->manifests[written.number].group.directory;
  farm.turn.say(
      JobEvent{written.code.empty() ? JobEvent::What::ManifestWritten : JobEvent::What::ManifestGivenUp, job->record.id,
               written.code.empty() ? where : fmt::format("{}: {}", where, failure_text(written.code, written.message)),
               worker});
  settle_manifest(farm, *job, written.number);
}

void recall_manifests(JobEntry& job) {
  if (!job.final() || job.record.state == jobs::JobState::Cancelled) return;
  for (ManifestState& manifest : job.manifests) manifest.covers = tasks_published(job, manifest.group);
}

}  // namespace framemill::scheduler
