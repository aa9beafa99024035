#include "worker/executor/lanes.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace framemill::worker {

using SteadyClock = std::chrono::steady_clock;

struct Lanes::Shared {
  struct Lane {
    std::deque<std::function<void()>> jobs;
    std::optional<SteadyClock::time_point> began;  // the present job
  };

  // A lane with something to do that nobody is at; lanes take turns.
  std::map<std::string, Lane>::iterator next() {
    const auto is_free = [](const auto& entry) { return !entry.second.began && !entry.second.jobs.empty(); };
    auto found = std::find_if(lanes.upper_bound(last), lanes.end(), is_free);
    if (found == lanes.end()) found = std::find_if(lanes.begin(), lanes.end(), is_free);
    return found;
  }

  mutable std::mutex mutex;
  std::condition_variable filled, left;
  std::map<std::string, Lane> lanes;  // those with jobs
  std::string last;
  std::size_t threads = 0, idle = 0;
  bool stopping = false;
};

Lanes::Lanes() : shared_(std::make_shared<Shared>()) {}

Lanes::~Lanes() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  for (auto& [name, lane] : shared_->lanes) lane.jobs.clear();
  shared_->filled.notify_all();
  shared_->left.wait_for(lock, kFarewell, [&] { return shared_->threads == 0; });
}

void Lanes::post(const std::string& lane, std::function<void()> job) {
  const std::lock_guard lock(shared_->mutex);
  shared_->lanes[lane].jobs.push_back(std::move(job));
  if (shared_->idle == 0 && shared_->threads < kThreadsMax) {
    try {
      std::thread([shared = shared_] { run(shared); }).detach();
      ++shared_->threads;
    } catch (const std::system_error&) {
      if (shared_->threads == 0) throw;  // else those that there are do it
    }
  }
  shared_->filled.notify_one();
}

std::chrono::milliseconds Lanes::busy_for(const std::string& lane) const {
  const std::lock_guard lock(shared_->mutex);
  const auto found = shared_->lanes.find(lane);
  if (found == shared_->lanes.end() || !found->second.began) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - *found->second.began);
}

std::size_t Lanes::threads() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->threads;
}

void Lanes::run(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (!shared->stopping) {
    auto at = shared->next();
    if (at == shared->lanes.end()) {
      ++shared->idle;
      shared->filled.wait(lock);
      --shared->idle;
      continue;
    }
    auto& [name, lane] = *at;  // stays where it is while a job of it runs
    shared->last = name;
    std::function<void()> job = std::move(lane.jobs.front());
    lane.jobs.pop_front();
    lane.began = SteadyClock::now();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    lane.began.reset();
    if (lane.jobs.empty()) shared->lanes.erase(at);
  }
  --shared->threads;
  shared->left.notify_all();
}

}  // namespace framemill::worker
