// The worker's end of the wire: reports go out, checked replies come in. Follows one scheduler database only: a
// scheduler whose durable sequence is behind what this worker has heard has lost history (promise P8), and is not
// listened to. Lives on the daemon's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/event_loop.h"
#include "net/secure_dealer.h"
#include "worker/link/reply.h"
#include "worker/link/report.h"

namespace framemill::worker {

class SchedulerLink {
 public:
  struct Callbacks {
    std::function<void(Reply reply)> on_reply;
    std::function<void()> on_connected;
  };
  static base::Result<std::unique_ptr<SchedulerLink>> open(net::EventLoop& loop, net::SecureDealerOptions options,
                                                           std::uint64_t incarnation, Callbacks callbacks);

  bool connected() const { return dealer_->connected(); }
  // Whether the scheduler's last word was not a refusal: this process is the one that works under its key.
  bool accepted() const { return accepted_; }
  base::Status send(const Report& report, const wire::Inventory* inventory,
                    const std::vector<wire::FilesLookedFor>& looked_for);
  // One sentence for people: connected, or why not.
  const std::string& status() const { return status_; }

 private:
  SchedulerLink() = default;
  void on_message(std::string_view bytes);
  void on_link(net::LinkState state, const std::string& text);
  bool follows(const Reply& reply);

  std::unique_ptr<net::SecureDealer> dealer_;
  Callbacks callbacks_;
  ReportContext context_;
  std::string status_ = "connecting";
  std::string last_refusal_, last_bad_item_;
  bool accepted_ = false;
};

}  // namespace framemill::worker
