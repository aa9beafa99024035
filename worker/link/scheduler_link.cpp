#include "worker/link/scheduler_link.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "wire/limits.h"

namespace framemill::worker {

base::Result<std::unique_ptr<SchedulerLink>> SchedulerLink::open(net::EventLoop& loop, net::SecureDealerOptions options,
                                                                 std::uint64_t incarnation, Callbacks callbacks) {
  std::unique_ptr<SchedulerLink> link(new SchedulerLink());
  link->callbacks_ = std::move(callbacks);
  link->context_.incarnation = incarnation;
  options.message_bytes_max = wire::kFarmMessageBytesMax;
  options.part_bytes_max = wire::kFarmPartBytesMax;
  SchedulerLink* self = link.get();
  FM_ASSIGN(
      link->dealer_,
      net::SecureDealer::open(loop, std::move(options),
                              {[self](std::string_view bytes) { self->on_message(bytes); },
                               [self](net::LinkState state, const std::string& text) { self->on_link(state, text); }}));
  return link;
}

base::Status SchedulerLink::send(const Report& report, const wire::Inventory* inventory,
                                 const std::vector<wire::FilesLookedFor>& looked_for) {
  return dealer_->send(write_report(report, inventory, looked_for, context_));
}

void SchedulerLink::on_link(net::LinkState state, const std::string& text) {
  status_ = text;
  if (state == net::LinkState::Connected) {
    base::log_info("link", "{}", text);
    callbacks_.on_connected();
  } else {
    base::log_warning("link", "{}", text);
  }
}

bool SchedulerLink::follows(const Reply& reply) {
  if (reply.incarnation != 0 && reply.incarnation != context_.incarnation) return false;  // for an earlier run of us
  if (!reply.refused.empty() && reply.refused != last_refusal_)
    base::log_error("link", "the scheduler rejected this worker: {}", reply.refused);
  last_refusal_ = reply.refused;
  accepted_ = reply.refused.empty();
  if (reply.incarnation == 0 && !reply.refused.empty()) return false;  // not a state of the farm, only the reason
  if (reply.durable_sequence < context_.durable_sequence && reply.epoch != context_.epoch) {
    const std::string text = "the scheduler has lost history: it knows " + std::to_string(reply.durable_sequence) +
                             " commits, this worker has heard of " + std::to_string(context_.durable_sequence) +
                             "; if its data was replaced on purpose, restart this worker";
    if (status_ != text) base::log_error("link", "{}", text);
    status_ = text;
    return false;
  }
  return true;
}

void SchedulerLink::on_message(std::string_view bytes) {
  auto reply = parse_reply(bytes);
  if (!reply.ok()) {
    if (status_ != reply.error().message) base::log_error("link", "{}: {}", reply.error().code, reply.error().message);
    status_ = reply.error().message;
    return;
  }
  for (const base::Error& bad : reply->bad_items)
    if (std::exchange(last_bad_item_, bad.field + ": " + bad.message) != bad.field + ": " + bad.message)
      base::log_error("link", "a part of the scheduler's reply is left out: {}", last_bad_item_);
  if (!follows(*reply)) return;
  context_.epoch = reply->epoch;
  context_.durable_sequence = std::max(context_.durable_sequence, reply->durable_sequence);
  callbacks_.on_reply(std::move(*reply));
}

}  // namespace framemill::worker
