// What the HTTP API says of itself at /metrics: answers by status and how long they took, how late events reach those
// who watch, connections, and the streams that are open. HTTP loop's thread only.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "monitoring/metrics/metrics.h"
#include "net/http_handler.h"

namespace framemill::scheduler {

class HttpFigures {
 public:
  using Clock = std::chrono::steady_clock;

  explicit HttpFigures(std::shared_ptr<monitoring::Metrics> metrics);

  // Sent now, to a request that came then. An event stream counts when it ends at once, as an error.
  void answered(int status, Clock::time_point came);
  // Refused before it had a handler.
  void refused(int status);
  // Events that the loop handed over then are with their readers now.
  void delivered(Clock::time_point handed_over);

  // For a source of the metrics.
  static void write(monitoring::Page& page, const net::HttpServerCounters& server);

  const monitoring::Metrics& metrics() const { return *metrics_; }

 private:
  std::shared_ptr<monitoring::Metrics> metrics_;
  std::map<int, monitoring::Counter> responses_;  // by status
  monitoring::Histogram request_seconds_, delivery_seconds_;
};

}  // namespace framemill::scheduler
