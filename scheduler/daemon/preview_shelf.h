// Reads previews (docs/previews.md) from the roots that this host has, each on a thread of its own, because storage may
// hang: what is asked of a root that does not answer is refused, and nothing else waits for it. Below a root it goes through
// no link. May be asked from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "scheduler/http/preview_port.h"

namespace framemill::scheduler {

class PreviewShelf : public PreviewPort {
 public:
  static constexpr std::size_t kWaitingMax = 128;  // of one root
  static constexpr std::chrono::seconds kHangsAfter{2};

  // Roots without a path are not on this host.
  explicit PreviewShelf(const std::map<std::string, std::filesystem::path>& roots);
  ~PreviewShelf() override;  // replies to nobody any more; does not wait for a look that hangs
  PreviewShelf(const PreviewShelf&) = delete;
  PreviewShelf& operator=(const PreviewShelf&) = delete;

  std::set<std::string> served(const std::set<std::string>& roots) const override;
  void list(JobId job, const std::set<std::string>& roots, Reply<std::vector<PreviewStrip>> reply) override;
  void read(JobId job, const std::string& root, const std::string& name, Reply<PreviewFile> reply) override;
  void latest(JobId job, const std::set<std::string>& roots, Reply<std::optional<PreviewFile>> reply) override;

 private:
  using Answer = std::function<void()>;
  struct Reader {  // of one root
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<Answer()>> jobs;
    bool ending = false, busy = false;
    std::chrono::steady_clock::time_point began;
  };
  static void run(const std::shared_ptr<Reader>& reader);
  std::filesystem::path path_of(const std::string& root) const;
  // False: it does not answer, or too much waits for it.
  bool ask(const std::string& root, std::function<Answer()> look);

  std::map<std::string, std::filesystem::path> roots_;
  std::map<std::string, std::shared_ptr<Reader>> readers_;
};

}  // namespace framemill::scheduler
