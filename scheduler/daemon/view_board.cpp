#include "scheduler/daemon/view_board.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/unicode.h"

namespace framemill::scheduler {
namespace {

constexpr std::chrono::seconds kLoopSilentMax{10};

// Of most names only the letters of ASCII have a case.
std::string search_form(const std::string& text) {
  const bool is_ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
  return is_ascii ? base::ascii_lower(text) : base::folded(text);
}

bool has_shot(const JobView& job, const jobs::JobSpec& spec, const std::string& shot) {
  if (job.shot == shot) return true;
  const std::vector<std::string> shots = jobs::shots_of(spec);
  return std::find(shots.begin(), shots.end(), shot) != shots.end();
}

// `wanted` is folded already.
bool has_text(const JobView& job, const std::string& wanted) {
  const auto holds = [&](const std::string& text) { return search_form(text).find(wanted) != std::string::npos; };
  return holds(job.name) || holds(job.show) || holds(job.sequence) || holds(job.shot) || holds(job.principal) ||
         std::any_of(job.tags.begin(), job.tags.end(), holds);
}

bool is_wanted(const JobView& job, const jobs::JobSpec& spec, const JobFilter& filter) {
  const auto differs = [](const std::string& wanted, const std::string& found) {
    return !wanted.empty() && wanted != found;
  };
  if (filter.live && *filter.live == jobs::is_final(job.state)) return false;
  if (filter.state && job.state != *filter.state) return false;
  if (filter.condition && job.condition.kind != *filter.condition) return false;
  if (job.submitted.unix_ms < filter.since.unix_ms) return false;
  if (differs(filter.principal, job.principal) || differs(filter.show, job.show) ||
      differs(filter.sequence, job.sequence))
    return false;
  if (!filter.tag.empty() && std::find(job.tags.begin(), job.tags.end(), filter.tag) == job.tags.end()) return false;
  if (!filter.shot.empty() && !has_shot(job, spec, filter.shot)) return false;
  return filter.text.empty() || has_text(job, filter.text);
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
  if (changes.limits) inbox_.limits.swap(changes.limits);
  if (changes.shares) inbox_.shares.swap(changes.shares);
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
  if (news.limits) limits_ = std::move(news.limits);
  if (news.shares) shares_ = std::move(news.shares);
}

std::vector<JobRow> ViewBoard::jobs(const JobFilter& given) {
  JobFilter filter = given;
  filter.text = search_form(filter.text);
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

std::shared_ptr<const std::string> ViewBoard::output_of(WorkerId id, AttemptId attempt) {
  const WorkerRow row = worker(id);
  if (!row) return nullptr;
  for (const SlotActivity& slot : row->slots)
    for (const SlotActivity::Lease& lease : slot.leases)
      if (lease.attempt == attempt) return lease.output;
  return nullptr;
}

LimitRows ViewBoard::limits() {
  const std::lock_guard lock(table_mutex_);
  take_news();
  return limits_;
}

ShareRows ViewBoard::shares() {
  const std::lock_guard lock(table_mutex_);
  take_news();
  return shares_;
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
