#include "scheduler/link/worker_link.h"

#include <fmt/format.h>

#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "net/net_error.h"
#include "scheduler/link/report.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::scheduler {
namespace {

// What is left of the report of a worker that follows another history: that it is there, and why it is of no use. Nothing
// that it holds or has made is of this history.
void set_apart(WorkerReported& event, const std::string& why) {
  if (event.inventory) {
    for (SlotState& slot : event.inventory->slots) slot.usable = false;
    event.inventory->conditions.insert(event.inventory->conditions.begin(), {"host.history", why, ""});
  }
  event.running.clear();
  event.finished.clear();
  event.ended.clear();
  event.published.clear();
  event.publish_failed.clear();
  event.discarded.clear();
  event.manifests.clear();
  event.looked_for.clear();
  event.staged.clear();
  event.publishing.reset();
}

}  // namespace

base::Result<std::unique_ptr<WorkerLink>> WorkerLink::open(net::EventLoop& loop, net::SecureRouterOptions options,
                                                           base::Duration silence_alarm, Callbacks callbacks) {
  std::unique_ptr<WorkerLink> link(new WorkerLink);
  link->silence_alarm_ = silence_alarm;
  link->callbacks_ = std::move(callbacks);
  options.message_bytes_max = wire::kFarmMessageBytesMax;
  options.part_bytes_max = wire::kFarmPartBytesMax;
  FM_ASSIGN(link->router_, net::SecureRouter::open(
                               loop, std::move(options),
                               [raw = link.get()](const net::PeerMessage& message) { raw->on_message(message); }));
  return link;
}

void WorkerLink::know_history(Lineage lineage) {
  lineage_ = std::move(lineage);
  wire::SchedulerReply era;
  if (lineage_.era() != 0) era.set_era(lineage_.era());
  era_bytes_ = era.SerializeAsString();
}

void WorkerLink::expect(const std::string& worker_key, std::uint64_t incarnation) {
  seats_[worker_key] = {{}, incarnation, "", base::monotonic_now()};
}

void WorkerLink::allow_only(std::vector<net::CurvePublicKey> keys) {
  router_->allow_only(std::move(keys));
  std::erase_if(seats_, [&](const auto& entry) {
    const auto key = net::CurvePublicKey::from_z85(entry.first);
    return !key.ok() || !router_->allows(*key);
  });
}

// Whether another process than this one has the key and is, as far as can be seen, alive.
bool WorkerLink::is_taken(const Seat& seat, std::uint64_t incarnation) {
  if (seat.incarnation == incarnation) return false;
  const base::Duration silent = base::monotonic_now() - seat.heard;
  if (!seat.peer) return silent < kReturnTime;
  if (silent >= silence_alarm_) return false;
  // Only a send tells whether a connection is still there. A worker passes over what is for another incarnation.
  wire::SchedulerReply probe;
  probe.set_protocol(wire::kProtocolVersion);
  probe.set_incarnation(incarnation);
  const base::Status sent = router_->send(seat.peer, probe.SerializeAsString());
  return !is(sent, net::NetError::PeerGone);
}

std::string WorkerLink::taken_text(const Seat& seat) {
  if (!seat.peer) return "the scheduler has just started and waits for the process that had this worker's key";
  return fmt::format(
      "its key is in use by another worker process at {}: every worker needs a key of its own "
      "(framemill keys curve)",
      seat.address);
}

void WorkerLink::on_message(const net::PeerMessage& message) {
  const std::string name = message.key.z85();
  auto report = parse_report(message.bytes, name);
  if (!report.ok()) {
    complain(name, message.address, report.error());
    refuse(message.peer, report.error().message);
    return;
  }
  for (const base::Error& refused : report->refused) complain(name, message.address, refused);
  WorkerReported& event = report->event;
  Seat& seat = seats_[name];
  if (seat.incarnation != 0 && is_taken(seat, event.incarnation)) {
    refuse(message.peer, taken_text(seat));
    if (seat.peer) callbacks_.on_contested({name, std::string(message.address)});
    return;
  }
  // The newest connection of a process is the one that is answered.
  seat = {message.peer, event.incarnation, std::string(message.address), base::monotonic_now()};
  event.address = seat.address;
  if (const auto lost = lineage_.lost(report->heard)) {
    seat.of_lost_history = true;
    refuse(message.peer, *lost);
    set_apart(event, *lost);
  }
  callbacks_.on_report(std::move(event));
}

// A worker that says the same nonsense with every report is named once.
void WorkerLink::complain(const std::string& worker_key, std::string_view address, const base::Error& error) {
  const std::string text =
      fmt::format("{}{}{} ({})", error.field, error.field.empty() ? "" : ": ", error.message, error.code);
  if (std::exchange(last_complaint_[worker_key], text) == text) return;
  base::log_warning("link", "worker {} at {}: {}", worker_key, address, text);
}

WorkerLink::Sent WorkerLink::send(const std::string& worker_key, const wire::SchedulerReply& reply) {
  const auto seat = seats_.find(worker_key);
  if (seat == seats_.end() || !seat->second.peer || seat->second.of_lost_history) return Sent::Gone;
  // Bytes of two messages of one kind, joined, are one message with the fields of both.
  const base::Status sent = router_->send(seat->second.peer, reply.SerializeAsString() + era_bytes_);
  if (sent.ok()) return Sent::Yes;
  if (is(sent, net::NetError::MessageTooLarge))  // items are bounded before they are added (wire/limits.h)
    base::log_error("link", "to worker {}: {}", worker_key, sent.error().message);
  else
    base::log_debug("link", "to worker {}: {}", worker_key, sent.error().message);
  return is(sent, net::NetError::QueueFull) ? Sent::Full : Sent::Gone;
}

void WorkerLink::refuse(net::PeerId peer, const std::string& why) {
  wire::SchedulerReply reply;
  reply.set_protocol(wire::kProtocolVersion);
  reply.set_refused(why);
  reply.set_next_report_ms(5000);
  (void)router_->send(peer, reply.SerializeAsString()).ok();
}

}  // namespace framemill::scheduler
