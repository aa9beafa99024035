// A farm in virtual time whose slots run their leases one after the other: what device time each show and user gets is
// measured where it is spent. For what the shares promise in figures.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/farm.h"
#include "sim/stored_records.h"

namespace framemill::scheduler::stage {

class ShareFarm {
 public:
  explicit ShareFarm(std::uint32_t workers, std::uint32_t slots, FarmSettings settings = {});

  struct Work {
    std::string show = "atlas", user = "ana";
    std::uint32_t tasks = 1;
    double task_s = 10;
    std::int32_t priority = 50;
    std::string keys = {};      // more keys of the spec
    std::string argv = "true";  // a program that all workers have
    std::uint32_t chunk = 1;
  };
  JobId submit(const Work& work);
  void pass(double seconds);
  void restart();
  base::Result<AnswerValue> ask(Event event);

  Farm& farm() { return *farm_; }
  base::Now now() const { return now_; }
  double used_s(const std::string& share) const;  // of a show, or "show/user", since the last forget_used()
  void forget_used() { used_us_.clear(); }
  bool is_done(JobId job) const { return farm_->show_job(job)->state == jobs::JobState::Done; }
  std::optional<double> first_started_s(JobId job) const;  // virtual time of its first task's start
  double now_s() const { return static_cast<double>(now_.monotonic.ms) / 1000; }
  std::uint64_t rows_written() const { return share_rows_; }
  std::string fault() const;
  const sim::StoredRecords& store() const { return store_; }

 private:
  struct Lease {
    GrantLease grant;
    std::deque<TaskIndex> left;
    std::uint64_t used_us = 0;
  };
  struct Slot {
    std::deque<Lease> leases;
    std::optional<std::int64_t> task_began_ms;
  };
  struct Worker {
    std::string key;
    std::uint64_t sequence = 0;
    Inventory inventory;
    std::vector<Slot> slots;
    WorkerReported next;
    bool has_news = false;
  };
  void apply(Event event);
  void carry_out(Effects effects);
  void advance(Worker& worker);
  void report(Worker& worker);
  std::int64_t task_ms(JobId job) const { return task_ms_.at(job); }
  void use(JobId job, std::int64_t ms);

  FarmSettings settings_;
  std::unique_ptr<Farm> farm_;
  base::Now now_{{1'000'000}, {1'800'000'000'000}};
  std::vector<Worker> workers_;
  std::map<JobId, std::int64_t> task_ms_;
  std::map<JobId, std::pair<std::string, std::string>> charged_to_;
  std::map<std::string, double> used_us_;
  std::map<JobId, double> started_s_;
  std::vector<Answer> answers_;
  sim::StoredRecords store_;
  std::uint64_t share_rows_ = 0;
  std::uint32_t submits_ = 0;
  RequestId requests_ = 0;
};

}  // namespace framemill::scheduler::stage
