// Speaks to the service manager (sd_notify): ready, what it does now, stopping, and the watchdog, which is fed by the
// loop that does the work, so that a loop that stands still gets the daemon restarted. Without systemd nothing happens.
#pragma once

#include <functional>
#include <string>

#include "base/loop.h"

namespace framemill::net {

// What the service manager wants and where it listens. Tests give their own.
struct Supervision {
  std::function<void(const std::string& state)> notify;  // sd_notify(3): "READY=1", "WATCHDOG=1", "STATUS=..."
  base::Duration watchdog{0};                            // how long it may hear nothing; 0: it does not watch

  static Supervision of_systemd();
};

class ServiceManager {
 public:
  explicit ServiceManager(base::Loop& loop, Supervision supervision = Supervision::of_systemd());
  void ready();
  void stopping();
  void status(const std::string& sentence);

 private:
  void feed();
  base::Loop& loop_;
  const Supervision supervision_;
  base::Timer timer_;
  std::string last_status_;
};

}  // namespace framemill::net
