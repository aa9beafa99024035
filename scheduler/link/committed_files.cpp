#include "scheduler/link/committed_files.h"

#include <utility>

namespace framemill::scheduler {

struct CommittedFilesCache::Search {
  std::vector<Key> keys;
  Found found;
  std::function<void(base::Result<Found>)> done;
};

CommittedFilesCache::CommittedFilesCache(LookUp look_up, std::size_t files_max)
    : look_up_(std::move(look_up)), files_max_(files_max) {}

void CommittedFilesCache::remember(const CommitRecord& commit) {
  const Key key{commit.phase, commit.task};
  if (entries_.contains(key)) return;  // a commit never changes
  auto files = std::make_shared<CommittedFiles>();
  files->attempt = commit.attempt;
  files->root = commit.root;
  files->files = commit.files;
  files_held_ += commit.files.size() + 1;
  entries_[key] = {std::move(files), oldest_first_.insert(oldest_first_.end(), key)};
  while (files_held_ > files_max_ && oldest_first_.size() > 1) {
    const auto oldest = entries_.find(oldest_first_.front());
    files_held_ -= oldest->second.files->files.size() + 1;
    entries_.erase(oldest);
    oldest_first_.pop_front();
  }
}

void CommittedFilesCache::forget(PhaseId phase, TaskIndex task) {
  const auto entry = entries_.find(Key{phase, task});
  if (entry == entries_.end()) return;
  files_held_ -= entry->second.files->files.size() + 1;
  oldest_first_.erase(entry->second.age);
  entries_.erase(entry);
}

void CommittedFilesCache::take_place(const RemakeRecord& remade) {
  if (remade.outcome != RemakeOutcome::SameSamples && remade.outcome != RemakeOutcome::Replaced) return;
  const Key first{{remade.of, remade.phase.index}, remade.task};
  auto known = entries_.find(first);
  if (known == entries_.end()) {
    // Remembered from now on, so that no answer of the store that is under way is: it may not have heard of this yet.
    const auto own = entries_.find({remade.phase, remade.task});
    if (own == entries_.end()) return;
    remember({first.phase, first.task, {}, {}, own->second.files->root, {}, {}, 0, remade.after, {}});
    known = entries_.find(first);
  }
  auto files = std::make_shared<CommittedFiles>(*known->second.files);
  files->files = remade.after;
  known->second.files = std::move(files);
}

std::shared_ptr<const CommittedFiles> CommittedFilesCache::recall(const Key& key) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return nullptr;
  oldest_first_.splice(oldest_first_.end(), oldest_first_, entry->second.age);
  return entry->second.files;
}

void CommittedFilesCache::find(const std::vector<Key>& keys, std::function<void(base::Result<Found>)> done) {
  auto search = std::make_shared<Search>(Search{keys, Found(keys.size()), std::move(done)});
  for (std::size_t i = 0; i < keys.size(); ++i) search->found[i] = recall(keys[i]);
  look_up_from(search, 0);
}

// Looks up the first missing task from `position` on, together with the missing ones that follow it in its phase.
void CommittedFilesCache::look_up_from(const std::shared_ptr<Search>& search, std::size_t position) {
  constexpr std::size_t kTasksPerRead = 4096;
  while (position < search->keys.size() && search->found[position]) ++position;
  if (position == search->keys.size()) return search->done(std::move(search->found));
  const Key first = search->keys[position];
  std::size_t end = position + 1;
  while (end < search->keys.size() && end - position < kTasksPerRead && !search->found[end] &&
         search->keys[end].phase == first.phase && search->keys[end].task == search->keys[end - 1].task + 1)
    ++end;
  const TaskRange range{first.task, static_cast<std::uint32_t>(end - position)};
  const base::Status asked =
      look_up_(first.phase, range, [this, alive = std::weak_ptr<bool>(alive_), search, position, end](auto commits) {
        if (alive.expired()) return;
        if (!commits.ok()) return search->done(commits.error());
        for (CommitRecord& commit : *commits) {
          const std::size_t at = position + (commit.task - search->keys[position].task);
          auto files = std::make_shared<CommittedFiles>();
          files->attempt = commit.attempt;
          files->root = commit.root;
          files->files = commit.files;
          if (at < end) search->found[at] = std::move(files);
          remember(commit);
        }
        look_up_from(search, end);
      });
  if (!asked.ok()) search->done(asked.error());
}

}  // namespace framemill::scheduler
