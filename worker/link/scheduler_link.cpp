#include "worker/link/scheduler_link.h"

#include <utility>

#include "base/log.h"
#include "wire/limits.h"

namespace framemill::worker {

base::Result<std::unique_ptr<SchedulerLink>> SchedulerLink::open(net::EventLoop& loop, net::SecureDealerOptions options,
                                                                 std::uint64_t incarnation, Callbacks callbacks) {
  std::unique_ptr<SchedulerLink> link(new SchedulerLink(incarnation));
  link->callbacks_ = std::move(callbacks);
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
  return dealer_->send(conversation_.write(report, inventory, looked_for));
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

void SchedulerLink::on_message(std::string_view bytes) {
  if (auto reply = conversation_.take(bytes)) callbacks_.on_reply(*std::move(reply));
}

}  // namespace framemill::worker
