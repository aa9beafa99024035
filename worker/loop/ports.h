// What the worker's loop needs of its host, as ports: the daemon's are processes, directories and systemd; those of tests
// and the simulation are in memory. All calls return at once. What comes of them reaches the loop as core events,
// perhaps from within the call. Loop thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "wire/farm.pb.h"
#include "worker/core/deaths.h"
#include "worker/core/events.h"
#include "worker/core/values.h"

namespace framemill::worker {

// The executors of the slots, one each.
class ExecutorPort {
 public:
  virtual ~ExecutorPort() = default;
  virtual void start(SlotIndex slot) = 0;  // ExecutorReady follows, or ExecutorDied
  // Only of slots whose executor runs: started, and not yet told to have died.
  virtual void finish(SlotIndex slot) = 0;  // it ends after the windows in flight
  virtual void kill(SlotIndex slot, KilledBecause because) = 0;
  virtual void begin(SlotIndex slot, const AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks) = 0;
  // `keep`: tasks that it goes on with; `keep_finished`: windows that are done may still be written.
  virtual void cancel(SlotIndex slot, const AttemptId& attempt, bool keep_finished, const TaskRange& keep) = 0;
  virtual void forget(const AttemptId& attempt) = 0;
};

// Programs and media that run as children of the worker.
class ChildPort {
 public:
  virtual ~ChildPort() = default;
  virtual void start(SlotIndex slot, const AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks) = 0;
  virtual void stop(const AttemptId& attempt, bool keep_finished) = 0;  // one that has ended is none
  virtual void forget(const AttemptId& attempt) = 0;
  virtual std::vector<AttemptId> moved() = 0;  // those that have done something since the last call
};

// The roots, and what is staged, published and swept there.
class StoragePort {
 public:
  virtual ~StoragePort() = default;
  virtual std::vector<TaskRecovered> open() = 0;  // what an earlier process left; once, at the start
  virtual void refresh() = 0;                     // looks at the roots again; InventoryChanged when that shows
  virtual void prepare(const AttemptId& attempt, const wire::Grant& grant) = 0;  // StagingPrepared follows
  virtual void publish(const PublishDuty& duty, const wire::PublishOrder& order) = 0;
  virtual void write_manifest(const ManifestDuty& duty, const wire::ManifestOrder& order) = 0;
  virtual void discard(JobId job, const std::vector<std::string>& roots) = 0;  // none: in all of them
  virtual void sweep(const AttemptId& attempt) = 0;
  virtual void drop_task(const AttemptId& attempt, TaskIndex task) = 0;  // its files, from the attempt's directory
  virtual void sweep_if_published(const AttemptId& attempt) = 0;
  // Removes directories of attempts that are over and published, also by other workers; StagingLeft follows for each of
  // the others. `held`: still at work here; asked on the loop's thread, of each before it goes.
  virtual void sweep_left(std::function<bool(const AttemptId&)> held) = 0;
};

// Files of roots that tasks wait for; FilesLookedFor says that there is news.
class ScoutPort {
 public:
  virtual ~ScoutPort() = default;
  virtual void watch(const wire::WatchList& list) = 0;  // replaces the one before
  virtual std::vector<wire::FilesLookedFor> take_news() = 0;
};

// The process and its host.
class HostPort {
 public:
  virtual ~HostPort() = default;
  // All that does not depend on what the core knows: name, devices, slots, packages, roots as they are seen, programs.
  virtual wire::Inventory inventory() const = 0;
  virtual void say_status(const std::string& sentence) = 0;
  virtual void say_ready() = 0;
  virtual void say_stopping() = 0;
  virtual void exit() = 0;  // nothing is left to do
};

}  // namespace framemill::worker
