#include "scheduler/link/outbox.h"

#include <algorithm>

#include "base/log.h"
#include "scheduler/link/report.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kReplyBytesTarget = wire::kFarmPartBytesMax * 3 / 4;  // a single item may be longer

void write_tasks(PhaseId phase, TaskRange tasks, wire::Tasks& out) {
  out.set_job(phase.job.value);
  out.set_phase(phase.index);
  out.set_first(tasks.first);
  out.set_count(tasks.count);
}

}  // namespace

struct Outbox::Peer {
  wire::SchedulerReply reply;
  std::size_t bytes = 0;
  bool dirty = false;
  // The last acknowledgement, said again in every reply.
  std::uint64_t incarnation = 0, acked_report = 0;
  std::uint32_t next_report_ms = 1000;
  bool drain = false;
};

Outbox::Outbox(jobs::Epoch epoch, Send send, OnLost on_lost)
    : epoch_(epoch), send_(std::move(send)), on_lost_(std::move(on_lost)) {}
Outbox::~Outbox() = default;

wire::SchedulerReply& Outbox::reply_with_room(WorkerId worker, std::size_t bytes) {
  std::unique_ptr<Peer>& peer = peers_[worker];
  if (!peer) peer = std::make_unique<Peer>();
  if (peer->dirty && peer->bytes + bytes > kReplyBytesTarget) send(worker, *peer, WhenFull::Drop);
  peer->dirty = true;
  peer->bytes += bytes;
  return peer->reply;
}

void Outbox::add(const AcknowledgeReport& ack) {
  wire::SchedulerReply& reply = reply_with_room(ack.worker, 64);
  Peer& peer = *peers_[ack.worker];
  if (peer.incarnation != ack.incarnation) {
    peer.acked_report = 0;
    reply.clear_acked_reports();
  }
  peer.incarnation = ack.incarnation;
  peer.acked_report = std::max(peer.acked_report, ack.sequence);
  peer.next_report_ms = static_cast<std::uint32_t>(ack.next_report.ms);
  peer.drain = ack.drain;
  reply.add_acked_reports(ack.sequence);
  reply.set_lease_proof(ack.refused.empty());
  reply.set_send_inventory(ack.send_inventory);
  reply.set_refused(ack.refused);
}

void Outbox::add(WorkerId worker, wire::Grant grant) {
  *reply_with_room(worker, grant.ByteSizeLong()).add_grants() = std::move(grant);
}

void Outbox::add(const RevokeLease& revoke) {
  wire::Revoke& out = *reply_with_room(revoke.worker, 96).add_revokes();
  attempt_to_wire(revoke.attempt, *out.mutable_attempt());
  out.set_reason(std::string(jobs::revoke_row(revoke.reason).code));
  if (!revoke.keep.empty()) write_tasks({}, revoke.keep, *out.mutable_keep());
}

void Outbox::add(WorkerId worker, wire::PublishOrder order) {
  *reply_with_room(worker, order.ByteSizeLong()).add_publish() = std::move(order);
}

void Outbox::add(WorkerId worker, wire::ManifestOrder order) {
  *reply_with_room(worker, order.ByteSizeLong()).add_manifests() = std::move(order);
}

void Outbox::add(const WatchFiles& watch) {
  wire::WatchList list;
  for (const WatchedFiles& files : watch.files) {
    wire::WatchedFiles& entry = *list.add_files();
    entry.set_job(files.phase.job.value);
    entry.set_phase(files.phase.index);
    entry.set_input(files.input);
    entry.set_root(files.root);
    entry.set_path_printf(files.path_printf);
    entry.set_frames(files.frames.text());
  }
  *reply_with_room(watch.worker, list.ByteSizeLong()).mutable_watch() =
      std::move(list);  // the newest is the whole truth
}

void Outbox::add(const OrderDiscard& order, const std::vector<std::string>& roots) {
  wire::Discard& out = *reply_with_room(order.worker, 64).add_discard();
  out.set_job(order.job.value);
  for (const std::string& root : roots) out.add_roots(root);
}

void Outbox::flush() {
  held_back_ = 0;
  for (auto& [worker, peer] : peers_) {
    if (!peer->dirty) continue;
    send(worker, *peer, WhenFull::Keep);
    held_back_ += peer->dirty;
  }
}

void Outbox::send(WorkerId worker, Peer& peer, WhenFull when_full) {
  wire::SchedulerReply& reply = peer.reply;
  reply.set_protocol(wire::kProtocolVersion);
  reply.set_epoch(epoch_.number);
  reply.set_epoch_nonce(epoch_.nonce);
  reply.set_durable_sequence(durable_sequence_);
  reply.set_incarnation(peer.incarnation);
  reply.set_acked_report(peer.acked_report);
  reply.set_lists_acked_reports(true);
  reply.set_next_report_ms(peer.next_report_ms);
  reply.set_drain(peer.drain);
  const WorkerPort::Sent sent = send_(worker, reply);
  if (sent == WorkerPort::Sent::Full && when_full == WhenFull::Keep) return;
  if (sent != WorkerPort::Sent::Yes) {
    base::log_debug("outbox", "a reply to worker {} was dropped", worker.value);
    for (const wire::Grant& grant : reply.grants()) on_lost_(grant, sent);
  }
  reply.Clear();
  peer.bytes = 0;
  peer.dirty = false;
}

}  // namespace framemill::scheduler
