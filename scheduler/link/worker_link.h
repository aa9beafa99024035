// The scheduler's end of the wire to all workers: reports come in as core events, replies go out by worker key. Lives on
// the core's loop thread. What cannot be sent is dropped: everything in a reply is said again after the worker's next
// report.
//
// A key belongs to one process at a time. A process of another incarnation takes its place over once the former one's
// connection has ended (a worker that was started again: at once) or has been silent for the alarm's time; until then
// it is refused with the reason, so that the same key on two hosts costs the first of them nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "base/time.h"
#include "net/event_loop.h"
#include "net/secure_router.h"
#include "scheduler/core/state/events.h"
#include "scheduler/link/lineage.h"
#include "scheduler/link/worker_port.h"

namespace framemill::scheduler {

class WorkerLink : public WorkerPort {
 public:
  // How long the process that is on record has, after a start of the scheduler, to come back before another one of the
  // same key.
  static constexpr base::Duration kReturnTime = base::seconds(5);

  struct Callbacks {
    std::function<void(WorkerReported)> on_report;
    std::function<void(WorkerKeyContested)> on_contested;  // with each report that was refused for its key
  };
  static base::Result<std::unique_ptr<WorkerLink>> open(net::EventLoop& loop, net::SecureRouterOptions options,
                                                        base::Duration silence_alarm, Callbacks callbacks);

  // Which history the store holds. A worker that has heard of another is shown with no slot that can be used and with the
  // reason, and is answered with the reason alone.
  void know_history(Lineage lineage);

  void expect(const std::string& worker_key, std::uint64_t incarnation) override;

  const std::string& endpoint() const { return router_->endpoint(); }
  // Workers whose key is not among these get no answer any more, connected or not.
  void allow_only(std::vector<net::CurvePublicKey> keys);
  net::SecureRouterCounters counters() const { return router_->counters(); }

  Sent send(const std::string& worker_key, const wire::SchedulerReply& reply) override;
  // Tells a peer why it is not heard; used for reports that cannot be read.
  void refuse(net::PeerId peer, const std::string& why);

 private:
  WorkerLink() = default;
  // The process that is heard and answered under a key.
  struct Seat {
    net::PeerId peer;  // none: expected, not heard yet
    std::uint64_t incarnation = 0;
    std::string address;
    base::Instant heard;
    bool of_lost_history = false;
  };
  void on_message(const net::PeerMessage& message);
  bool is_taken(const Seat& seat, std::uint64_t incarnation);
  static std::string taken_text(const Seat& seat);
  void complain(const std::string& worker_key, std::string_view address, const base::Error& error);

  std::unique_ptr<net::SecureRouter> router_;
  Lineage lineage_;
  std::string era_bytes_;  // of a reply that says nothing but the era: joined to each
  base::Duration silence_alarm_;
  Callbacks callbacks_;
  std::unordered_map<std::string, Seat> seats_;  // by key; bounded by the allowlist and the workers on record
  std::unordered_map<std::string, std::string> last_complaint_;  // by key; the same
};

}  // namespace framemill::scheduler
