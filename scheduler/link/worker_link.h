// The scheduler's end of the wire to all workers: reports come in as core events, replies go out by worker key. Lives on
// the core's loop thread. What cannot be sent is dropped: everything in a reply is said again after the worker's next
// report.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "net/event_loop.h"
#include "net/secure_router.h"
#include "scheduler/core/events.h"

namespace framemill::wire {
class SchedulerReply;
}

namespace framemill::scheduler {

class WorkerLink {
 public:
  using OnReport = std::function<void(WorkerReported)>;

  static base::Result<std::unique_ptr<WorkerLink>> open(net::EventLoop& loop, net::SecureRouterOptions options,
                                                        OnReport on_report);

  const std::string& endpoint() const { return router_->endpoint(); }
  void allow_only(std::vector<net::CurvePublicKey> keys) { router_->allow_only(std::move(keys)); }
  net::SecureRouterCounters counters() const { return router_->counters(); }

  // Full: the worker reads slowly, try again soon. Gone: not connected, or a reply that can never be sent.
  enum class Sent { Yes, Full, Gone };
  Sent send(const std::string& worker_key, const wire::SchedulerReply& reply);
  // Tells a peer why it is not heard; used for reports that cannot be read.
  void refuse(net::PeerId peer, const std::string& why);

 private:
  WorkerLink() = default;
  void on_message(net::PeerId peer, const net::CurvePublicKey& key, std::string_view bytes);

  std::unique_ptr<net::SecureRouter> router_;
  OnReport on_report_;
  std::unordered_map<std::string, net::PeerId> peer_of_key_;  // bounded by the allowlist
};

}  // namespace framemill::scheduler
