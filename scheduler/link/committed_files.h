// The files of committed tasks, by task: what grants name as inputs and publish orders carry. Remembers the newest commits
// and looks the others up in the store. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "scheduler/core/state/records.h"
#include "scheduler/link/recipe.h"

namespace framemill::scheduler {

class CommittedFilesCache {
 public:
  // Looks up the commits of a range of at most 4,096 tasks, with their files. The answer comes later, on the loop's
  // thread; an error: there will be none.
  using Answer = std::function<void(base::Result<std::vector<CommitRecord>>)>;
  using LookUp = std::function<base::Status(PhaseId, TaskRange, Answer)>;
  explicit CommittedFilesCache(LookUp look_up, std::size_t files_max = 200'000);

  void remember(const CommitRecord& commit);
  // Its commit was withdrawn: the files are lost, and the next commit of the task names others.
  void forget(PhaseId phase, TaskIndex task);
  // A remake put other bytes under the names of the first job's files: they are what its commit stands for now.
  void take_place(const RemakeRecord& remade);

  // The tasks' files, null where a task has not committed. Calls `done` at once when all are remembered, else later from
  // the loop.
  struct Key {
    PhaseId phase;
    TaskIndex task = 0;
    bool operator==(const Key&) const = default;
  };
  using Found = std::vector<std::shared_ptr<const CommittedFiles>>;
  void find(const std::vector<Key>& keys, std::function<void(base::Result<Found>)> done);

 private:
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<PhaseId>{}(key.phase) * 0x9E3779B97F4A7C15ull ^ key.task;
    }
  };
  struct Entry {
    std::shared_ptr<const CommittedFiles> files;
    std::list<Key>::iterator age;
  };
  std::shared_ptr<const CommittedFiles> recall(const Key& key);
  struct Search;
  void look_up_from(const std::shared_ptr<Search>& search, std::size_t position);

  LookUp look_up_;
  std::size_t files_max_, files_held_ = 0;
  std::unordered_map<Key, Entry, KeyHash> entries_;
  std::list<Key> oldest_first_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace framemill::scheduler
