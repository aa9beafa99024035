// /metrics: the scheduler's figures in Prometheus' text format. Made on this thread from what the loop has published.
#include "scheduler/http/call.h"

namespace framemill::scheduler {
namespace {

base::Status show_metrics(const std::shared_ptr<Call>& call) {
  net::HttpResponse response;
  response.content_type = monitoring::Metrics::kContentType;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = call->api->figures.metrics().text();
  call->send(std::move(response));
  return {};
}

}  // namespace

void add_metrics_routes(ApiRoutes& routes) {
  routes.add("GET", "/metrics", {show_metrics, Role::Viewer, {}, Exempt::LocalScrape});
}

}  // namespace framemill::scheduler
