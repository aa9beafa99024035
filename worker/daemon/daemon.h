// The worker's process: the loop with its real ports (executors and children as processes, roots, the ZeroMQ link), what
// this host is, signals and the service manager. Loop thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "net/service_manager.h"
#include "worker/daemon/children.h"
#include "worker/daemon/executors.h"
#include "worker/daemon/input_scout.h"
#include "worker/daemon/previews.h"
#include "worker/daemon/setup.h"
#include "worker/daemon/storage.h"
#include "worker/link/scheduler_link.h"
#include "worker/loop/worker_loop.h"
#include "worker/supervisor/memory_cap.h"

namespace framemill::worker {

class Daemon : private HostPort {
 public:
  Daemon(net::EventLoop& loop, DaemonSetup setup);
  ~Daemon() override;
  // Errors: net.*; what is wrong with roots, packages or executors is told, retried and reported instead.
  base::Status start();
  // After the loop: some root's threads may never come back, so the process must not wait for them.
  bool storage_hangs() const { return storage_.hangs(); }

 private:
  void happen(Event event) { worker_->happen(std::move(event)); }
  void look_for_packages();

  wire::Inventory inventory() const override;
  void say_status(const std::string& sentence) override { service_manager_.status(sentence); }
  void say_ready() override { service_manager_.ready(); }
  void say_stopping() override { service_manager_.stopping(); }
  void exit() override { loop_.stop(); }

  net::EventLoop& loop_;
  const DaemonSetup setup_;
  net::ServiceManager service_manager_;
  std::unique_ptr<WorkerLoop> worker_;  // the parts below tell it what happens until they are gone
  MemoryCaps memory_caps_;
  std::vector<MemoryCap> caps_;  // by slot
  Storage storage_;
  InputScout scout_;
  Executors executors_;
  Children children_;
  Previews previews_;
  std::vector<wire::Package> packages_;
  bool media_usable_ = false;
  std::unique_ptr<SchedulerLink> link_;
};

}  // namespace framemill::worker
