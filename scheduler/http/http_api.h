// The scheduler's HTTP interface (openapi.yaml) in front of a FarmPort. Lives on an EventLoop of its own thread, so
// that nothing a client does delays scheduling: open, stop and destroy it there or before the loop runs; publish() and
// use_tokens() may be called from any thread while the loop lives. The port must outlive it.
// `page_hosts`: names, beside addresses and localhost, by which browsers may reach the dashboard.
//
// Errors of open: net.bind, net.not_loopback.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "monitoring/metrics/metrics.h"
#include "net/event_loop.h"
#include "net/http_server.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/http/preview_port.h"
#include "scheduler/http/tokens.h"
#include "scheduler/http/upkeep_port.h"

namespace framemill::scheduler {

struct ApiState;

// /metrics: what it shows, and who may see it.
struct MetricsOptions {
  std::shared_ptr<monitoring::Metrics> metrics = std::make_shared<monitoring::Metrics>();
  bool loopback_without_token = false;  // from this host's own addresses, and not through a proxy
};

class HttpApi {
 public:
  static base::Result<std::unique_ptr<HttpApi>> open(net::EventLoop& loop, net::HttpServerOptions options,
                                                     TokenTable tokens, FarmPort& farm, std::string version,
                                                     MetricsOptions metrics = {},
                                                     std::vector<std::string> page_hosts = {});
  ~HttpApi();

  // The ports must outlive the API. Loop thread, or before the loop runs.
  void use_upkeep(UpkeepPort* upkeep);
  void use_previews(PreviewPort* previews);
  // A second door, for this host's own administration: a Unix socket that lets in this process's user and root, without
  // a token, as administrators, and knows the upkeep routes alone. Before the loop runs. Errors: net.bind.
  base::Status open_local_door(net::HttpServerOptions options);

  const std::string& url() const;
  std::uint16_t port() const;
  // Events that are durable; readers of the event stream get them in this order.
  void publish(EventBatch batch);
  // From now on these tokens are valid. Event streams that others opened end.
  void use_tokens(TokenTable tokens);
  // Ends the event streams, lets running requests finish within the grace, then calls `done` on the loop.
  void stop(base::Duration grace, std::function<void()> done);
  std::size_t open_streams() const;  // loop thread

 private:
  HttpApi() = default;
  net::EventLoop* loop_ = nullptr;
  std::shared_ptr<ApiState> state_;
  std::unique_ptr<net::HttpServer> server_, local_server_;
};

}  // namespace framemill::scheduler
