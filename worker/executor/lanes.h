// File work of the executor, in lanes: jobs of one lane run in order, one at a time; jobs of different lanes run beside
// each other. A lane whose storage hangs holds one thread and nothing else. Threads are started as they are needed, at
// most kThreadsMax: as many lanes may hang before others wait. The owner bounds how many jobs are out.
//
// A thread that waits for storage cannot be ended: the destructor drops what has not started, waits a moment for what
// has, and leaves the rest behind. A job must own, or outlive, all it touches. One owner; its jobs run anywhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace framemill::worker {

class Lanes {
 public:
  static constexpr std::size_t kThreadsMax = 16;
  static constexpr std::chrono::milliseconds kFarewell{2000};

  Lanes();
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // Throws std::system_error where the host has no thread to spare and the first one is needed.
  void post(const std::string& lane, std::function<void()> job);
  // How long the lane's present job has run; 0: none runs.
  std::chrono::milliseconds busy_for(const std::string& lane) const;
  std::size_t threads() const;

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);
  std::shared_ptr<Shared> shared_;
};

}  // namespace framemill::worker
