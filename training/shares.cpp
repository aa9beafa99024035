#include "training/shares.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <numeric>

#include "base/check.h"

namespace framemill::train {

ShareThread::ShareThread() : thread_([this] { run(); }) {}

ShareThread::~ShareThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ShareThread::start(std::function<void()> job) {
  FM_CHECK(!done_.valid(), "a job before the last one was waited for");
  {
    const std::lock_guard lock(mutex_);
    job_ = std::packaged_task<void()>(std::move(job));
    done_ = job_.get_future();
  }
  changed_.notify_one();
}

void ShareThread::wait() {
  std::exchange(done_, {}).get();
}

void ShareThread::run() {
  at::set_num_threads(1);
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || job_.valid(); });
    if (!job_.valid()) return;
    std::packaged_task<void()> job = std::exchange(job_, {});
    lock.unlock();
    job();
  }
}

Shares::Shares(const gpu::Parameters& weights, int count)
    : weights_(static_cast<std::size_t>(count), weights), threads_(static_cast<std::size_t>(count - 1)) {
  for (std::size_t share = 1; share < weights_.size(); ++share) {
    for (const auto& [name, tensor] : weights.table())
      weights_[share].set(name, tensor.detach().requires_grad_(tensor.requires_grad()));
  }
}

double Shares::learn(const std::function<double(int share, const gpu::Parameters& weights)>& backward) {
  std::vector<double> losses(weights_.size());
  const auto learn_share = [&](std::size_t i) { losses[i] = backward(static_cast<int>(i), weights_[i]); };
  for (std::size_t i = 0; i < threads_.size(); ++i) threads_[i].start([&learn_share, i] { learn_share(i + 1); });
  std::exception_ptr failed;
  const auto guarded = [&failed](const auto& action) {
    try {
      action();
    } catch (...) {
      failed = std::current_exception();
    }
  };
  guarded([&] { learn_share(0); });
  for (ShareThread& thread : threads_) guarded([&thread] { thread.wait(); });  // all, for they use what is here
  if (failed) std::rethrow_exception(failed);
  gather();
  return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
}

void Shares::gather() {
  if (weights_.size() == 1) return;
  const at::NoGradGuard no_grad;
  for (const auto& [name, weight] : weights_.front().table()) {
    if (!weight.grad().defined()) continue;
    for (std::size_t share = 1; share < weights_.size(); ++share) {
      at::Tensor& gradient = weights_[share][name].mutable_grad();
      weight.mutable_grad().add_(gradient);
      gradient = at::Tensor();
    }
    weight.mutable_grad().div_(static_cast<double>(weights_.size()));
  }
}

}  // namespace framemill::train
