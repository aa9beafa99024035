#include "scheduler/daemon/view_board.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace framemill::scheduler {
namespace {

constexpr std::chrono::seconds kLoopSilentMax{10};

bool is_wanted(const JobView& job, const jobs::JobSpec& spec, const JobFilter& filter) {
  if (filter.live && *filter.live == jobs::is_final(job.state)) return false;
  if (!filter.principal.empty() && job.principal != filter.principal) return false;
  if (filter.state && job.state != *filter.state) return false;
  if (!filter.show.empty() && job.show != filter.show) return false;
  if (filter.shot.empty() || job.shot == filter.shot) return true;
  const std::vector<std::string> shots = jobs::shots_of(spec);
  return std::find(shots.begin(), shots.end(), filter.shot) != shots.end();
}

}  // namespace

void ViewBoard::put(ViewChanges changes, Health health) {
  std::vector<News> dropped;  // the last owners of rows that nobody saw: given back outside the lock
  const std::lock_guard lock(inbox_mutex_);
  health_ = std::move(health);
  heard_ = std::chrono::steady_clock::now();
  for (auto& made : changes.made) inbox_.jobs[made->job].job.made = std::move(made);
  for (JobRow& row : changes.jobs) inbox_.jobs[row->id].job.row.swap(row);
  for (const JobId id : changes.forgotten) {
    News& news = inbox_.jobs[id];
    const bool never_seen = news.job.made != nullptr;
    dropped.push_back(std::exchange(news, News{{}, true}));
    if (never_seen) inbox_.jobs.erase(id);
  }
  for (WorkerRow& row : changes.workers) inbox_.workers[row->id].swap(row);
}

void ViewBoard::take_news() {
  Inbox news;
  {
    const std::lock_guard lock(inbox_mutex_);
    std::swap(news, inbox_);
  }
  for (auto& [id, change] : news.jobs) {
    if (change.forgotten) {
      jobs_.erase(id);
      live_.erase(id);
      continue;
    }
    Job& job = jobs_[id];
    if (change.job.made) job.made = std::move(change.job.made);
    if (change.job.row) job.row = std::move(change.job.row);
    if (jobs::is_final(job.row->state))
      live_.erase(id);
    else
      live_.insert(id);
  }
  for (auto& [id, row] : news.workers) workers_[id] = std::move(row);
}

std::vector<JobRow> ViewBoard::jobs(const JobFilter& filter) {
  const std::lock_guard lock(table_mutex_);
  take_news();
  std::vector<JobRow> rows;
  const auto add = [&](const Job& job) {
    if (is_wanted(*job.row, *job.made->spec, filter)) rows.push_back(job.row);
    return rows.size() < filter.limit;
  };
  if (filter.live == true) {  // not past all that are over
    auto id = std::make_reverse_iterator(filter.before ? live_.lower_bound(filter.before) : live_.end());
    while (id != live_.rend() && add(jobs_.at(*id))) ++id;
    return rows;
  }
  auto job = std::make_reverse_iterator(filter.before ? jobs_.lower_bound(filter.before) : jobs_.end());
  while (job != jobs_.rend() && add(job->second)) ++job;
  return rows;
}

JobRow ViewBoard::job(JobId id) {
  const std::lock_guard lock(table_mutex_);
  take_news();
  const auto job = jobs_.find(id);
  return job == jobs_.end() ? nullptr : job->second.row;
}

std::shared_ptr<const PlanView> ViewBoard::plan(JobId id) {
  const std::lock_guard lock(table_mutex_);
  take_news();
  const auto job = jobs_.find(id);
  return job == jobs_.end() ? nullptr : job->second.made;
}

std::vector<WorkerRow> ViewBoard::workers() {
  const std::lock_guard lock(table_mutex_);
  take_news();
  std::vector<WorkerRow> rows;
  for (const auto& [id, row] : workers_) rows.push_back(row);
  return rows;
}

WorkerRow ViewBoard::worker(WorkerId id) {
  const std::lock_guard lock(table_mutex_);
  take_news();
  const auto worker = workers_.find(id);
  return worker == workers_.end() ? nullptr : worker->second;
}

Health ViewBoard::health() {
  const std::lock_guard lock(inbox_mutex_);
  const auto silent = std::chrono::steady_clock::now() - heard_;
  if (silent < kLoopSilentMax || !health_.ready) return health_;
  Health late = health_;
  late.ready = false;
  late.sentence = fmt::format("the scheduler's loop has not come round for {} s",
                              std::chrono::duration_cast<std::chrono::seconds>(silent).count());
  return late;
}

}  // namespace framemill::scheduler
