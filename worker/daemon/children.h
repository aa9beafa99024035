// Programs and media that run as children of the worker, one for each attempt, with a thread of its own for its files.
// Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "net/event_loop.h"
#include "worker/daemon/setup.h"
#include "worker/daemon/storage.h"
#include "worker/loop/ports.h"
#include "worker/supervisor/child_runner.h"
#include "worker/supervisor/io_thread.h"
#include "worker/supervisor/memory_cap.h"

namespace framemill::worker {

class Children : public ChildPort {
 public:
  // `caps`: of the slots, in their order. All outlive it.
  Children(net::EventLoop& loop, const DaemonSetup& setup, const Storage& storage, std::vector<MemoryCap>& caps,
           std::function<void(Event)> happen);
  ~Children() override;

  void start(SlotIndex slot, const AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks) override;
  void stop(const AttemptId& attempt, bool keep_finished) override;
  void forget(const AttemptId& attempt) override;
  // A program that prints nothing shows that it goes on by what it uses.
  std::vector<AttemptId> moved() override;

 private:
  net::EventLoop& loop_;
  const DaemonSetup& setup_;
  const Storage& storage_;
  std::vector<MemoryCap>& caps_;
  const HostLimits limits_ = HostLimits::find();  // after the caps were made: that may have moved this process
  std::function<void(Event)> happen_;
  std::map<AttemptId, std::shared_ptr<ChildRunner>> runners_;
  std::map<AttemptId, std::unique_ptr<IoThread>> io_;  // one each: its roots may hang
  std::map<AttemptId, std::uint64_t> work_;            // as last seen
};

}  // namespace framemill::worker
