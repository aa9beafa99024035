#include "sim/shared_root.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest_bytes.h"
#include "wire/convert.h"

namespace framemill::sim {

std::string SharedRoot::prepare(AttemptId attempt, jobs::JobId job, const std::string& owner) {
  const bool is_new = staged_.try_emplace(attempt, Directory{owner, job, {}, {}}).second;
  return is_new ? "" : "storage_failed";
}

std::string SharedRoot::write_task(AttemptId attempt, const wire::FinishedTask& task) {
  const auto directory = staged_.find(attempt);
  if (directory == staged_.end()) return "storage_failed";
  for (const wire::OutputFile& file : task.files()) {
    StoredFile& stored = directory->second.files[file.staged()];
    std::copy(file.sha256().begin(), file.sha256().end(), stored.sha256.bytes.begin());
    stored.size_bytes = file.size_bytes();
    stored.made_by = attempt;
  }
  directory->second.done[task.task()] = task;
  return "";
}

// The publisher's order of questions: what is staged, what stands under the name, and then the link.
std::string SharedRoot::name_file(const wire::PublishOrder& order, const wire::OutputFile& file) {
  const AttemptId attempt = wire::attempt_from_wire(order.attempt());
  const auto there = named_.find(file.path());
  const bool equal = there != named_.end() && base::raw_bytes(there->second.sha256) == file.sha256();
  const auto directory = staged_.find(attempt);
  const StoredFile* staged = nullptr;
  if (directory != staged_.end())
    if (const auto found = directory->second.files.find(file.staged()); found != directory->second.files.end())
      staged = &found->second;
  if (there != named_.end()) return equal ? "" : "publish.exists_other";
  if (staged == nullptr || staged->size_bytes != file.size_bytes()) return "publish.missing";
  named_[file.path()] = *staged;
  facts_.emplace_back(FileNamed{file.path(),
                                staged->sha256,
                                staged->made_by,
                                {jobs::JobId(order.tasks().job()), order.tasks().phase()},
                                order.tasks().first()});
  return "";
}

std::string SharedRoot::publish(const wire::PublishOrder& order) {
  for (const wire::OutputFile& file : order.files())
    if (std::string code = name_file(order, file); !code.empty()) return code;
  if (const auto directory = staged_.find(wire::attempt_from_wire(order.attempt())); directory != staged_.end())
    directory->second.done.erase(order.tasks().first());
  if (order.on_record())
    kept_.emplace(jobs::PhaseId{jobs::JobId(order.tasks().job()), order.tasks().phase()}, order.tasks().first());
  return "";
}

std::string SharedRoot::write_manifest(const wire::ManifestOrder& order) {
  std::uint64_t& revision = manifests_[{jobs::JobId(order.job()), order.number()}];
  if (revision >= order.revision()) return "";
  for (const wire::ManifestPart& part : order.parts()) {
    const jobs::PhaseId phase{jobs::JobId(order.job()), part.phase()};
    const auto kept = std::count_if(kept_.begin(), kept_.end(), [&](const auto& key) { return key.first == phase; });
    if (static_cast<std::uint64_t>(kept) < part.tasks()) return "manifest.incomplete";
  }
  revision = order.revision();
  return "";
}

void SharedRoot::discard(jobs::JobId job, const std::string& owner) {
  const std::string latents = fmt::format(".framemill/latents/{}/", job.value);
  std::erase_if(named_, [&](const auto& file) { return file.first.starts_with(latents); });
  std::erase_if(kept_, [&](const auto& key) { return key.first.job == job; });
  std::erase_if(staged_, [&](const auto& a) { return a.second.job == job && a.second.owner == owner; });
}

void SharedRoot::sweep(AttemptId attempt) {
  if (staged_.erase(attempt) != 0) facts_.emplace_back(StagingSwept{attempt});
}

void SharedRoot::drop_task(AttemptId attempt, jobs::TaskIndex task) {
  if (const auto directory = staged_.find(attempt); directory != staged_.end()) directory->second.done.erase(task);
}

bool SharedRoot::waits_for_publish(const Directory& directory, const wire::OutputFile& file) const {
  if (!directory.files.contains(file.staged())) return false;
  const auto there = named_.find(file.path());
  return there == named_.end() || base::raw_bytes(there->second.sha256) != file.sha256();
}

bool SharedRoot::is_published(const Directory& directory) const {
  for (const auto& [task, done] : directory.done)
    for (const wire::OutputFile& file : done.files())
      if (waits_for_publish(directory, file)) return false;
  return true;
}

void SharedRoot::sweep_if_published(AttemptId attempt, const std::string& owner) {
  const auto directory = staged_.find(attempt);
  if (directory == staged_.end() || directory->second.owner != owner) return;
  if (is_published(directory->second)) staged_.erase(directory);
}

std::vector<wire::FinishedTask> SharedRoot::left_by(const std::string& owner) const {
  std::vector<wire::FinishedTask> tasks;
  for (const auto& [attempt, directory] : staged_)
    if (directory.owner == owner && !is_published(directory))
      for (const auto& [task, done] : directory.done) tasks.push_back(done);
  return tasks;
}

std::vector<wire::FinishedTask> SharedRoot::tasks_of(AttemptId attempt) const {
  std::vector<wire::FinishedTask> tasks;
  if (const auto directory = staged_.find(attempt); directory != staged_.end())
    for (const auto& [task, done] : directory->second.done) tasks.push_back(done);
  return tasks;
}

std::vector<AttemptId> SharedRoot::attempts_of(const std::string& owner) const {
  std::vector<AttemptId> attempts;
  for (const auto& [attempt, directory] : staged_)
    if (directory.owner == owner) attempts.push_back(attempt);
  return attempts;
}

std::vector<AttemptId> SharedRoot::staged() const {
  std::vector<AttemptId> attempts;
  for (const auto& [attempt, directory] : staged_) attempts.push_back(attempt);
  return attempts;
}

void SharedRoot::lose(AttemptId attempt) {
  lost_ = true;
  if (const auto directory = staged_.find(attempt); directory != staged_.end()) {
    directory->second.files.clear();
    directory->second.done.clear();
  }
}

}  // namespace framemill::sim
