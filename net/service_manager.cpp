#include "net/service_manager.h"

#include <systemd/sd-daemon.h>

#include <algorithm>

namespace framemill::net {

ServiceManager::ServiceManager(EventLoop& loop) : loop_(loop) {
  std::uint64_t watchdog_us = 0;
  if (::sd_watchdog_enabled(0, &watchdog_us) > 0 && watchdog_us > 0)
    interval_ = base::milliseconds(std::max<std::int64_t>(static_cast<std::int64_t>(watchdog_us / 1000 / 3), 1));
}

void ServiceManager::ready() {
  ::sd_notify(0, "READY=1");
  if (interval_.ms > 0) feed();
}

void ServiceManager::feed() {
  ::sd_notify(0, "WATCHDOG=1");
  timer_ = loop_.call_after(interval_, [this] { feed(); });
}

void ServiceManager::stopping() {
  ::sd_notify(0, "STOPPING=1");
}

void ServiceManager::status(const std::string& sentence) {
  if (sentence == last_status_) return;
  last_status_ = sentence;
  ::sd_notify(0, ("STATUS=" + sentence).c_str());
}

}  // namespace framemill::net
