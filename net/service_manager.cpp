#include "net/service_manager.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <utility>

namespace framemill::net {

Supervision Supervision::of_systemd() {
  Supervision supervision;
  supervision.notify = [](const std::string& state) { ::sd_notify(0, state.c_str()); };
  std::uint64_t watchdog_us = 0;
  if (::sd_watchdog_enabled(0, &watchdog_us) > 0)
    supervision.watchdog = base::milliseconds(static_cast<std::int64_t>(watchdog_us / 1000));
  return supervision;
}

ServiceManager::ServiceManager(base::Loop& loop, Supervision supervision)
    : loop_(loop), supervision_(std::move(supervision)) {}

void ServiceManager::ready() {
  supervision_.notify("READY=1");
  if (supervision_.watchdog.ms > 0) feed();
}

// By a timer of the loop and by nothing else: another thread would call a loop alive that stands still.
void ServiceManager::feed() {
  supervision_.notify("WATCHDOG=1");
  timer_ = loop_.call_after(std::max(supervision_.watchdog / 3, base::milliseconds(1)), [this] { feed(); });
}

void ServiceManager::stopping() {
  supervision_.notify("STOPPING=1");
}

void ServiceManager::status(const std::string& sentence) {
  if (sentence == last_status_) return;
  last_status_ = sentence;
  supervision_.notify("STATUS=" + sentence);
}

}  // namespace framemill::net
