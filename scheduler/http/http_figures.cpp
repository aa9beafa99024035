#include "scheduler/http/http_figures.h"

#include <string>

namespace framemill::scheduler {
namespace {

double seconds_since(HttpFigures::Clock::time_point then) {
  return std::chrono::duration<double>(HttpFigures::Clock::now() - then).count();
}

}  // namespace

HttpFigures::HttpFigures(std::shared_ptr<monitoring::Metrics> metrics)
    : metrics_(std::move(metrics)),
      request_seconds_(metrics_->histogram("framemill_http_request_seconds",
                                           "From the end of a request's body to its answer, streams left out.",
                                           {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5})),
      delivery_seconds_(metrics_->histogram("framemill_event_delivery_seconds",
                                            "From an event's release by the scheduling loop to the event stream.",
                                            {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10})) {}

void HttpFigures::refused(int status) {
  const auto known = responses_.find(status);
  if (known != responses_.end()) return known->second.add();
  const auto counter = metrics_->counter("framemill_http_responses_total", "Answers of the HTTP API by status.",
                                         {{"code", std::to_string(status)}});
  responses_.emplace(status, counter).first->second.add();
}

void HttpFigures::answered(int status, Clock::time_point came) {
  refused(status);
  request_seconds_.observe(seconds_since(came));
}

void HttpFigures::delivered(Clock::time_point handed_over) {
  delivery_seconds_.observe(seconds_since(handed_over));
}

void HttpFigures::write(monitoring::Page& page, const net::HttpServerCounters& server) {
  const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
  page.gauge("framemill_http_connections", "Open HTTP connections.", count(server.connections_open));
  page.counter("framemill_http_connections_total", "HTTP connections accepted.", count(server.connections_accepted));
  page.counter("framemill_http_connections_refused_total", "HTTP connections refused because too many were open.",
               count(server.connections_refused));
  page.counter("framemill_http_connections_evicted_total", "Idle HTTP connections closed to make room for new ones.",
               count(server.connections_evicted));
  page.counter("framemill_http_requests_total", "HTTP requests received.", count(server.requests));
  page.counter("framemill_http_requests_refused_total",
               "HTTP requests refused before a handler saw them: malformed, without a right, or beyond a limit.",
               count(server.requests_refused));
  page.gauge("framemill_event_streams", "Open event streams.", count(server.streams_open));
  page.counter("framemill_event_streams_dropped_total", "Event streams cut off because their reader was too slow.",
               count(server.streams_dropped));
}

}  // namespace framemill::scheduler
