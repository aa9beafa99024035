// The executors of this host's slots, as processes: how each is started and confined, what it says and prints, and which
// directories it can reach. Loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "wire/executor.pb.h"
#include "worker/daemon/attempt_logs.h"
#include "worker/daemon/setup.h"
#include "worker/daemon/storage.h"
#include "worker/loop/ports.h"
#include "worker/supervisor/executor_process.h"
#include "worker/supervisor/memory_cap.h"

namespace framemill::worker {

class Executors : public ExecutorPort {
 public:
  // `caps`: of the slots, in their order. All outlive it.
  Executors(net::EventLoop& loop, const DaemonSetup& setup, const Storage& storage, std::vector<MemoryCap>& caps,
            std::function<void(Event)> happen);
  ~Executors() override;

  void start(SlotIndex slot) override;
  void finish(SlotIndex slot) override;
  void kill(SlotIndex slot, KilledBecause because) override;
  void begin(SlotIndex slot, const AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks) override;
  void cancel(SlotIndex slot, const AttemptId& attempt, bool keep_finished, const TaskRange& keep) override;
  void forget(const AttemptId& attempt) override;

  void stopping() { stopping_ = true; }  // that they end now is meant

 private:
  bool reaches(SlotIndex slot, const RootDirectory& root) const;
  void on_message(SlotIndex slot, const wire::FromExecutor& message);
  void on_line(SlotIndex slot, std::string_view line);
  const std::string& name_of(SlotIndex slot) const { return setup_.host.slots[slot].name; }

  net::EventLoop& loop_;
  const DaemonSetup& setup_;
  const Storage& storage_;
  std::vector<MemoryCap>& caps_;
  std::function<void(Event)> happen_;
  std::vector<std::unique_ptr<ExecutorProcess>> processes_;  // by slot
  std::vector<std::vector<Tree>> may_write_;                 // by slot: where its executor may write
  std::map<AttemptId, PhaseId> begun_;
  AttemptLogs logs_;
  net::Timer output_timer_;
  bool stopping_ = false;
};

}  // namespace framemill::worker
