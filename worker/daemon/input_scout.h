// Looks for the files that the scheduler asked this worker to watch (wire WatchList), outside all slots: one thread per
// root, so that storage that hangs delays nothing else. Loop thread, but for the looks.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "wire/farm.pb.h"
#include "worker/loop/ports.h"
#include "worker/supervisor/child_work.h"
#include "worker/supervisor/input_scan.h"
#include "worker/supervisor/io_thread.h"

namespace framemill::worker {

class InputScout : public ScoutPort {
 public:
  // `roots`: as the worker sees them now. `on_news`: there is something to say.
  InputScout(net::EventLoop& loop, std::function<const RootTable&()> roots, std::function<void()> on_news);
  ~InputScout() override;

  void watch(const wire::WatchList& list) override;
  // What is to be said in the report that is being written, at most kSaidBytesMax of it, and the rest in the next ones;
  // nothing when all was said lately.
  std::vector<wire::FilesLookedFor> take_news() override;

 private:
  struct Lane {  // of one root
    std::vector<wire::WatchedFiles> watched;
    std::vector<wire::FilesLookedFor> found;
    std::shared_ptr<InputScan> scan = std::make_shared<InputScan>();
    std::unique_ptr<IoThread> thread;
    bool looking = false;
    base::Instant began{}, next{};
  };
  void tick();
  void begin_look(const std::string& root, Lane& lane);
  void found(const std::string& root, std::vector<wire::FilesLookedFor> found);
  void cannot_look(Lane& lane, const std::string& why);
  void arm(base::Duration pause);

  net::EventLoop& loop_;
  std::function<const RootTable&()> roots_;
  std::function<void()> on_news_;
  std::map<std::string, Lane> lanes_;
  base::Instant asked_at_{}, said_at_{};
  bool news_ = false;
  std::size_t said_ = 0;  // answers of this round that were said already
  net::Timer timer_;
  std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
};

}  // namespace framemill::worker
