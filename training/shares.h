// A batch learned from in shares, a thread each. Two threads of one core each do 1.6 times the work of one; LibTorch's
// own threads, inside each operation of a network this small, 1.1 times.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "gpu/torch/parameters.h"

namespace framemill::train {

// A thread that takes one job at a time and stays: LibTorch keeps compiled kernels by thread, so a new thread per step
// would compile them anew.
class ShareThread {
 public:
  ShareThread();
  ~ShareThread();
  ShareThread(const ShareThread&) = delete;
  ShareThread& operator=(const ShareThread&) = delete;

  // Starts `job`. The one before it was waited for.
  void start(std::function<void()> job);
  // Until the job is done; throws what it threw.
  void wait();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::packaged_task<void()> job_;
  std::future<void> done_;
  bool stopping_ = false;
  std::thread thread_;
};

class Shares {
 public:
  // `weights` are leaves that ask for gradients. The other shares' see the same values, with gradients of their own.
  Shares(const gpu::Parameters& weights, int count);

  int count() const { return static_cast<int>(weights_.size()); }

  // Runs `backward` for each share: it returns the share's loss and leaves its gradients in the weights it is given.
  // Afterwards the weights of the constructor hold the mean of all gradients. Returns the mean loss.
  double learn(const std::function<double(int share, const gpu::Parameters& weights)>& backward);

 private:
  void gather();

  std::vector<gpu::Parameters> weights_;
  std::vector<ShareThread> threads_;  // of the shares from 1 on; the caller's thread does share 0
};

}  // namespace framemill::train
