// The worker's end of the wire: a dealer's socket for the conversation with the scheduler. Lives on the daemon's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "net/secure_dealer.h"
#include "worker/link/conversation.h"
#include "worker/link/scheduler_port.h"

namespace framemill::worker {

class SchedulerLink : public SchedulerPort {
 public:
  struct Callbacks {
    std::function<void(Reply reply)> on_reply;
    std::function<void()> on_connected;
  };
  static base::Result<std::unique_ptr<SchedulerLink>> open(net::EventLoop& loop, net::SecureDealerOptions options,
                                                           std::uint64_t incarnation, Callbacks callbacks);

  bool connected() const override { return dealer_->connected(); }
  bool accepted() const override { return conversation_.accepted(); }
  base::Status send(const Report& report, const wire::Inventory* inventory,
                    const std::vector<wire::FilesLookedFor>& looked_for) override;
  const std::string& status() const override {
    return connected() && !conversation_.problem().empty() ? conversation_.problem() : status_;
  }

 private:
  explicit SchedulerLink(std::uint64_t incarnation) : conversation_(incarnation) {}
  void on_message(std::string_view bytes);
  void on_link(net::LinkState state, const std::string& text);

  std::unique_ptr<net::SecureDealer> dealer_;
  Callbacks callbacks_;
  Conversation conversation_;
  std::string status_ = "connecting";
};

}  // namespace framemill::worker
