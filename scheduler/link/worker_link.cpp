#include "scheduler/link/worker_link.h"

#include "base/log.h"
#include "scheduler/link/report.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::scheduler {

base::Result<std::unique_ptr<WorkerLink>> WorkerLink::open(net::EventLoop& loop, net::SecureRouterOptions options,
                                                           OnReport on_report) {
  std::unique_ptr<WorkerLink> link(new WorkerLink);
  link->on_report_ = std::move(on_report);
  options.message_bytes_max = wire::kFarmMessageBytesMax;
  FM_ASSIGN(link->router_, net::SecureRouter::open(loop, std::move(options),
                                                   [raw = link.get()](net::PeerId peer, const net::CurvePublicKey& key,
                                                                      std::string_view bytes) { raw->on_message(peer, key, bytes); }));
  return link;
}

void WorkerLink::on_message(net::PeerId peer, const net::CurvePublicKey& key, std::string_view bytes) {
  const std::string name = key.z85();
  auto report = parse_report(bytes, name);
  if (!report.ok()) {
    base::log_warning("link", "worker {}: {} ({})", name, report.error().message, report.error().code);
    refuse(peer, report.error().message);
    return;
  }
  // The newest connection of a key is the one that is answered; a former one of the same worker is dead or dying.
  peer_of_key_[name] = peer;
  on_report_(std::move(report).value());
}

WorkerLink::Sent WorkerLink::send(const std::string& worker_key, const wire::SchedulerReply& reply) {
  const auto peer = peer_of_key_.find(worker_key);
  if (peer == peer_of_key_.end()) return Sent::Gone;
  const base::Status sent = router_->send(peer->second, reply.SerializeAsString());
  if (sent.ok()) return Sent::Yes;
  base::log_debug("link", "to worker {}: {}", worker_key, sent.error().message);
  if (sent.error().code == "net.queue_full") return Sent::Full;
  if (sent.error().code == "net.peer_gone") peer_of_key_.erase(peer);
  return Sent::Gone;
}

void WorkerLink::refuse(net::PeerId peer, const std::string& why) {
  wire::SchedulerReply reply;
  reply.set_protocol(wire::kProtocolVersion);
  reply.set_refused(why);
  reply.set_next_report_ms(5000);
  (void)router_->send(peer, reply.SerializeAsString()).ok();
}

}  // namespace framemill::scheduler
