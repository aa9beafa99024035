#include "sim/host_storage.h"

#include <optional>
#include <utility>

#include "wire/convert.h"

namespace framemill::sim {
namespace {

constexpr base::Duration kStorageMin{1}, kStorageMax{120};
constexpr base::Duration kSlowMin = base::seconds(2), kSlowMax = base::seconds(20);

}  // namespace

void HostStorage::later(std::function<void()> what) {
  const base::Duration takes = random_.between(kStorageMin, kStorageMax);
  place_.process.after(place_.sight.slow ? random_.between(kSlowMin, kSlowMax) : takes, std::move(what));
}

void HostStorage::run(std::function<std::string()> act, std::function<void(const std::string&)> tell) {
  later([this, act = std::move(act), tell = std::move(tell)] {
    const std::string code = place_.sight.lost ? "publish.root" : act();
    later([tell, code] { tell(code); });
  });
}

std::vector<worker::TaskRecovered> HostStorage::open() {
  std::vector<worker::TaskRecovered> tasks;
  for (const wire::FinishedTask& task : place_.root.left_by(place_.key))
    tasks.push_back({{wire::attempt_from_wire(task.attempt()),
                      {worker::JobId(task.job()), task.phase()},
                      task.task(),
                      static_cast<std::uint32_t>(task.files_size()),
                      task.duration_us(),
                      task.SerializeAsString()}});
  return tasks;
}

void HostStorage::prepare(const worker::AttemptId& attempt, const wire::Grant& grant) {
  place_.facts.emplace_back(StagingAsked{place_.worker, attempt});
  run(
      [this, attempt, job = worker::JobId(grant.tasks().job())] {
        return place_.sight.full ? "storage_full" : place_.root.prepare(attempt, job, place_.key);
      },
      [this, attempt](const std::string& code) {
        std::optional<jobs::Outcome> failed;
        if (!code.empty()) failed = code == "storage_full" ? jobs::Outcome::StorageFull : jobs::Outcome::NotAdmitted;
        happen_(worker::StagingPrepared{attempt, failed, code == "publish.root" ? "root.missing" : code, ""});
      });
}

void HostStorage::publish(const worker::PublishDuty& duty, const wire::PublishOrder& order) {
  run([this, order] { return place_.sight.full ? "storage_full" : place_.root.publish(order); },
      [this, duty](const std::string& code) {
        if (code.empty()) return happen_(worker::DutyPublished{duty, "main"});
        place_.trace.say(place_.name, "publishing job {} phase {} task {}: {}", duty.phase.job.value, duty.phase.index,
                         duty.tasks.first, code);
        happen_(worker::DutyFailed{duty, code, "", "main"});
      });
}

void HostStorage::write_manifest(const worker::ManifestDuty& duty, const wire::ManifestOrder& order) {
  run([this, order] { return place_.root.write_manifest(order); },
      [this, duty](const std::string& code) { happen_(worker::ManifestDone{{duty, code, ""}}); });
}

// A root that is not there keeps its files, and the job is reported as discarded all the same.
void HostStorage::discard(worker::JobId job, const std::vector<std::string>&) {
  run(
      [this, job] {
        place_.root.discard(job, place_.key);
        return std::string();
      },
      [this, job](const std::string&) { happen_(worker::JobDiscarded{job}); });
}

void HostStorage::sweep(const worker::AttemptId& attempt) {
  later([this, attempt] {
    if (!place_.sight.lost) place_.root.sweep(attempt);
  });
}

void HostStorage::drop_task(const worker::AttemptId& attempt, worker::TaskIndex task) {
  later([this, attempt, task] {
    if (!place_.sight.lost) place_.root.drop_task(attempt, task);
  });
}

void HostStorage::sweep_if_published(const worker::AttemptId& attempt) {
  later([this, attempt] {
    if (!place_.sight.lost) place_.root.sweep_if_published(attempt, place_.key);
  });
}

void HostStorage::sweep_or_tell(const worker::AttemptId& attempt) {
  later([this, attempt] {
    if (place_.sight.lost) return;
    place_.root.sweep_if_published(attempt, place_.key);
    const std::vector<wire::FinishedTask> left = place_.root.tasks_of(attempt);
    if (left.empty()) return;
    worker::StagedAttempt staged{attempt, {worker::JobId(left.front().job()), left.front().phase()}, {}};
    for (const wire::FinishedTask& task : left) staged.tasks.push_back(task.task());
    later([this, staged] { happen_(worker::StagingLeft{staged}); });
  });
}

void HostStorage::sweep_left(std::function<bool(const worker::AttemptId&)> held) {
  for (const worker::AttemptId& attempt : place_.root.attempts_of(place_.key))
    if (!held(attempt)) sweep_or_tell(attempt);
}

}  // namespace framemill::sim
