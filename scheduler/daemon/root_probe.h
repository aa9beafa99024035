// A look at files of roots from the scheduler's own host, for warnings at submit: on a thread of its own, because storage
// may hang. What hangs costs warnings, never an answer. ask() may be called from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jobs/spec.h"
#include "scheduler/daemon/files.h"

namespace framemill::scheduler {

class RootProbe {
 public:
  // `files` is asked on the probe's thread.
  explicit RootProbe(std::map<std::string, std::filesystem::path> roots,
                     std::shared_ptr<const Files> files = std::make_shared<HostFiles>());
  ~RootProbe();  // does not wait for a look that hangs
  RootProbe(const RootProbe&) = delete;
  RootProbe& operator=(const RootProbe&) = delete;

  // Whether the job reads files of a root that this host has.
  bool concerns(const jobs::JobSpec& spec) const;
  // The first version, from this one on, under which no layer's first file is there yet; `then` runs on the probe's
  // thread. False: it is busy, or this host has none of the roots.
  bool ask_version(std::shared_ptr<const jobs::JobSpec> spec, std::uint32_t from,
                   std::function<void(std::uint32_t)> then);
  // One sentence per input whose first frames are not there; `then` runs on the probe's thread. False: it is busy.
  bool ask(std::shared_ptr<const jobs::JobSpec> spec, std::function<void(std::vector<std::string>)> then);

 private:
  bool add(std::function<void()> look);
  struct Queue {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> jobs;
    bool ending = false;
  };
  std::map<std::string, std::filesystem::path> roots_;  // those that this host has
  std::shared_ptr<const Files> files_;
  std::shared_ptr<Queue> queue_;
};

// What RootProbe finds, on the caller's thread.
std::uint32_t free_version(const jobs::JobSpec& spec, std::uint32_t from,
                           const std::map<std::string, std::filesystem::path>& roots, const Files& files);
std::vector<std::string> missing_first_frames(const jobs::JobSpec& spec,
                                              const std::map<std::string, std::filesystem::path>& roots,
                                              const Files& files);

}  // namespace framemill::scheduler
