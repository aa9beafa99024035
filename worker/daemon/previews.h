// Previews of what this worker has published (docs/previews.md), made by a child at the lowest priority: never in the way
// of a commit, within a share of the host's processor time, and left out when they fall behind. Nothing waits for them
// and nothing fails with them. Loop thread.
#pragma once

#include <deque>
#include <memory>

#include "base/repeat_limit.h"
#include "net/event_loop.h"
#include "wire/farm.pb.h"
#include "worker/daemon/setup.h"
#include "worker/daemon/storage.h"
#include "worker/supervisor/preview_budget.h"
#include "worker/supervisor/preview_process.h"

namespace framemill::worker {

class Previews {
 public:
  static constexpr std::size_t kWaitingMax = 64;  // orders; beyond them the oldest is left out

  Previews(net::EventLoop& loop, const DaemonSetup& setup, Storage& storage);
  ~Previews();

  // An order that was carried out.
  void offer(const wire::PublishOrder& order);

 private:
  void pump();
  base::Status start();
  void end();    // the process, if there is one; on_ended() follows
  void pause();  // after a failure
  void on_made(const std::string& complaint);
  void on_ended();
  void charge();
  void sweep();

  net::EventLoop& loop_;
  const DaemonSetup& setup_;
  Storage& storage_;
  PreviewBudget budget_;
  std::deque<wire::PublishOrder> waiting_;
  std::uint64_t left_out_ = 0;
  std::unique_ptr<PreviewProcess> process_;
  bool at_work_ = false, ending_ = false;
  std::uint64_t charged_us_ = 0;  // of the process's time
  int failures_ = 0;              // since an order was served
  base::Instant not_before_{};    // after a failure
  std::vector<Tree> may_write_;   // of the process: another root has come when the storage has others
  base::RepeatLimit said_;
  net::Timer pump_timer_, patience_, idle_, sweep_timer_;
};

}  // namespace framemill::worker
