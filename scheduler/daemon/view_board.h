// What people ask to see, where the HTTP thread finds it without a word to the core's loop: the newest row of every job
// and worker, handed over by the loop when it has changed (scheduler/core/view_feed.h). Two locks: the loop leaves what
// is new in the inbox, whose lock nobody holds for longer than it takes to swap it; readers carry the inbox to the table
// under a lock of their own. The inbox has one place for each job and worker, so nothing grows while nobody looks.
//
// put() is the loop's, the rest may be called from any thread. Whoever was answered after a put() reads what it put.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/http/farm_port.h"

namespace framemill::scheduler {

class ViewBoard {
 public:
  void put(ViewChanges changes, Health health);

  std::vector<JobRow> jobs(const JobFilter& given);  // newest first
  JobRow job(JobId id);                              // null: no such job
  std::shared_ptr<const PlanView> plan(JobId id);    // null: no such job
  std::vector<WorkerRow> workers();                  // by number
  WorkerRow worker(WorkerId id);                     // null: no such worker
  // What an attempt that runs there has printed so far; null: nothing, or it does not run.
  std::shared_ptr<const std::string> output_of(WorkerId id, AttemptId attempt);
  LimitRows limits();  // never null
  ShareRows shares();  // the same
  // As the loop said last; not ready when it has been silent for long: it says something every second.
  Health health();

 private:
  struct Job {
    std::shared_ptr<const PlanView> made;
    JobRow row;
  };
  struct News {
    Job job;
    bool forgotten = false;
  };
  struct Inbox {
    std::unordered_map<JobId, News> jobs;
    std::unordered_map<WorkerId, WorkerRow> workers;
    LimitRows limits;  // null: nothing new
    ShareRows shares;  // the same
  };
  void take_news();  // the table's lock is held

  std::mutex inbox_mutex_;
  Inbox inbox_;
  Health health_;
  std::chrono::steady_clock::time_point heard_ = std::chrono::steady_clock::now();

  std::mutex table_mutex_;
  std::map<JobId, Job> jobs_;
  std::set<JobId> live_;
  std::map<WorkerId, WorkerRow> workers_;
  LimitRows limits_ = std::make_shared<std::vector<LimitView>>();
  ShareRows shares_ = std::make_shared<std::vector<ShareView>>();
};

}  // namespace framemill::scheduler
