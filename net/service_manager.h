// Speaks to the service manager (sd_notify): ready, what it does now, stopping, and the watchdog, which is fed by the
// loop that does the work, so that a loop that stands still gets the daemon restarted. Without systemd nothing happens.
#pragma once

#include <string>

#include "net/event_loop.h"

namespace framemill::net {

class ServiceManager {
 public:
  explicit ServiceManager(EventLoop& loop);
  void ready();
  void stopping();
  void status(const std::string& sentence);

 private:
  void feed();
  EventLoop& loop_;
  base::Duration interval_{0};
  Timer timer_;
  std::string last_status_;
};

}  // namespace framemill::net
