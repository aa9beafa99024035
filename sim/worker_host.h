// One worker of the simulated farm: the product's loop with its core and its codec, on a Process, the Network, a Workshop
// and the shared root. Its process may be killed, told to stop, stand still; a new life begins with nothing but what its
// staging directories hold.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/host_storage.h"
#include "sim/network.h"
#include "sim/process.h"
#include "sim/workshop.h"
#include "worker/link/conversation.h"
#include "worker/link/scheduler_port.h"
#include "worker/loop/worker_loop.h"

namespace framemill::sim {

struct HostPlan {  // what stays the same over all lives of its process
  std::string name, key, device_class;
  std::uint32_t slots = 1;
  bool media = true, reproducible = true;
  std::vector<std::string> commands;
  std::uint64_t memory_bytes = 1ull << 30;
  jobs::PackageFacts package;
};

class WorkerHost final : private worker::SchedulerPort, private worker::HostPort, private worker::ScoutPort {
 public:
  struct Farm {
    EventQueue& time;
    Network& network;
    SharedRoot& root;
    const Plans& plans;
    Facts& facts;
    Trace& trace;
  };
  WorkerHost(Farm farm, Random random, std::size_t index, HostPlan plan);

  void begin();                           // a process of it starts
  void kill();                            // kill -9, or the host's power
  void begin_after(base::Duration wait);  // a process that has ended starts again
  void leave();                           // it dies, and never starts again
  void ask_to_stop();                     // SIGTERM
  void stand_still(base::Duration length) { process_.stand_still(length); }
  base::Instant stood_still_until() const { return process_.still_until(); }
  void lose_root(bool lost);  // its host sees the root no more
  RootSight& sight() { return sight_; }
  Workshop& workshop() { return *workshop_; }

  void on_connected();
  void on_message(const std::string& bytes);

  bool alive() const { return process_.alive(); }
  bool has_left() const { return has_left_; }
  // The scheduler may believe that it does not see the root, for which it renews no lease.
  bool may_lack_root() const { return sight_.lost || farm_.time.now() < sight_changed_ + base::seconds(60); }
  bool is_quiet() const { return loop_->core().lease_count() == 0 && loop_->core().unacknowledged_count() == 0; }
  const HostPlan& plan() const { return plan_; }

 private:
  void happen(worker::Event event) { loop_->happen(std::move(event)); }

  // worker::SchedulerPort
  bool connected() const override { return farm_.network.connection(index_) != 0; }
  bool accepted() const override { return conversation_->accepted(); }
  base::Status send(const worker::Report& report, const wire::Inventory* inventory,
                    const std::vector<wire::FilesLookedFor>& looked_for) override;
  const std::string& status() const override { return conversation_->problem(); }
  // worker::HostPort
  wire::Inventory inventory() const override;
  void say_status(const std::string&) override {}
  void say_ready() override {}
  void say_stopping() override {}
  void exit() override;
  // worker::ScoutPort: jobs of the simulation read no files of roots
  void watch(const wire::WatchList&) override {}
  std::vector<wire::FilesLookedFor> take_news() override { return {}; }

  Farm farm_;
  Random random_;
  const std::size_t index_;
  const HostPlan plan_;
  Process process_;
  bool has_left_ = false;
  base::Instant sight_changed_{INT64_MIN / 2};
  RootSight sight_;
  std::unique_ptr<Workshop> workshop_;
  std::unique_ptr<HostStorage> storage_;
  std::optional<worker::Conversation> conversation_;
  std::unique_ptr<worker::WorkerLoop> loop_;  // of the last life
};

}  // namespace framemill::sim
