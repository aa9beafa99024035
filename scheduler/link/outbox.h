// Collects what a worker is to be told and sends it as few replies, each well under the message limit. While the queue to a
// worker is full its reply goes on gathering, up to that limit; what does not fit then, or is for a worker that is gone, is
// dropped: the core says it again after the worker's next report. Only a grant is said once, so `on_lost` gets each that
// was dropped. Loop thread.
#pragma once

#include <functional>
#include <unordered_map>

#include "scheduler/core/state/effects.h"
#include "scheduler/link/worker_port.h"

namespace framemill::wire {
class Grant;
class ManifestOrder;
class PublishOrder;
class SchedulerReply;
}  // namespace framemill::wire

namespace framemill::scheduler {

class Outbox {
 public:
  using Send = std::function<WorkerPort::Sent(WorkerId, const wire::SchedulerReply&)>;
  using OnLost = std::function<void(const wire::Grant&, WorkerPort::Sent)>;
  Outbox(jobs::Epoch epoch, Send send, OnLost on_lost);
  ~Outbox();

  void set_durable_sequence(std::uint64_t sequence) { durable_sequence_ = sequence; }
  void add(const AcknowledgeReport& acknowledgement);
  void add(WorkerId worker, wire::Grant grant);
  void add(const RevokeLease& revoke);
  void add(WorkerId worker, wire::PublishOrder order);
  void add(WorkerId worker, wire::ManifestOrder order);
  void add(const WatchFiles& watch);
  void add(const OrderDiscard& order, const std::vector<std::string>& roots);
  void flush();
  bool holding_back() const { return held_back_ > 0; }  // replies that wait for room: flush again soon

 private:
  struct Peer;
  wire::SchedulerReply& reply_with_room(WorkerId worker, std::size_t bytes);
  enum class WhenFull { Keep, Drop };
  void send(WorkerId worker, Peer& peer, WhenFull when_full);

  jobs::Epoch epoch_;
  Send send_;
  OnLost on_lost_;
  std::uint64_t durable_sequence_ = 0;
  std::size_t held_back_ = 0;                                  // at the last flush
  std::unordered_map<WorkerId, std::unique_ptr<Peer>> peers_;  // bounded by the enrolled workers
};

}  // namespace framemill::scheduler
