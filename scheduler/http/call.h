// One request on its way through the API: who asks, what for, and how to answer. And the table of routes, which a test
// holds against openapi.yaml. Everything here lives on the HTTP loop's thread; then() brings the farm's replies back to
// it.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/repeat_limit.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/http_server.h"
#include "net/router.h"
#include "scheduler/http/event_hub.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/http/http_figures.h"
#include "scheduler/http/job_texts.h"
#include "scheduler/http/sessions.h"
#include "scheduler/http/tokens.h"

namespace framemill::scheduler {

namespace json = boost::json;

constexpr std::size_t kReasonBytesMax = 1000;  // of why a person changes something

class PreviewPort;
class UpkeepPort;

// What all calls share.
struct ApiState : std::enable_shared_from_this<ApiState> {
  ApiState(net::EventLoop& l, FarmPort& f, std::string v, std::shared_ptr<monitoring::Metrics> metrics)
      : loop(l), farm(f), version(std::move(v)), events(l), figures(std::move(metrics)) {}
  net::EventLoop& loop;
  FarmPort& farm;
  const std::string version;
  PreviewPort* previews = nullptr;  // none: there are no pictures here
  UpkeepPort* upkeep = nullptr;     // none before the process has its parts together
  std::shared_ptr<const TokenTable> tokens;
  base::RepeatLimit refusals;  // of what is logged of refused sign-ins
  EventHub events;
  JobTexts job_texts;
  HttpFigures figures;
  bool local_scrape = false;  // Exempt::LocalScrape holds
  SessionTable sessions;
  SignInGate sign_ins;
  std::string cookie_name;              // of sessions; with the port, since cookies of a host know none
  std::vector<std::string> page_hosts;  // names by which browsers may reach the farm, in lower case
};

struct Call : std::enable_shared_from_this<Call> {
  net::HttpRequest request;
  net::PathParameters path;
  net::Responder respond;
  Caller caller;
  std::shared_ptr<ApiState> api;
  HttpFigures::Clock::time_point came = HttpFigures::Clock::now();

  void send(net::HttpResponse response) const;
  void answer(int status, json::object body) const;
  void answer_text(int status, std::string body) const;  // JSON that is written already, without its last newline
  // Status by the code of the error: 404 for what is unknown, 409 where the state forbids it, 422 for bad specs, ...
  void fail(const base::Error& error) const;

  // A reply for the farm: an error answers the call, a value is handed to `next` on the HTTP loop.
  template <class T>
  Reply<T> then(std::function<base::Status(T)> next) {
    return [self = shared_from_this(), next = std::move(next)](base::Result<T> result) {
      auto shared = std::make_shared<base::Result<T>>(std::move(result));
      self->api->loop.post([self, next, shared] {
        const base::Status status = shared->ok() ? next(std::move(**shared)) : base::Status(shared->error());
        if (!status.ok()) self->fail(status.error());
      });
    };
  }

  // --- typed reading of path, query and body; errors name the field ---
  base::Result<JobId> job() const;
  base::Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t least, std::int64_t most) const;
  base::Result<std::optional<bool>> boolean(std::string_view name) const;
  base::Result<std::string> text(std::string_view name, std::size_t bytes_max = 200) const;
  base::Result<std::uint32_t> limit() const;  // 1..1000, default 100
  base::Result<std::optional<jobs::Frame>> frame() const;
  base::Result<std::optional<std::uint32_t>> variant() const;
  // The body as an object with only these keys; an empty body is an empty object.
  base::Result<json::object> body(const std::vector<std::string_view>& keys) const;
};

using Handler = base::Status (*)(const std::shared_ptr<Call>& call);

// Who may do without the token that a route wants.
enum class Exempt {
  Nobody,
  LocalScrape  // who asks from this host, where the configuration says so
};

struct ApiRoute {
  Handler handler = nullptr;
  std::optional<Role> role;             // absent: no token is needed
  std::vector<std::string_view> query;  // keys that it takes; others are refused
  Exempt exempt = Exempt::Nobody;
};
using ApiRoutes = net::Router<ApiRoute>;

void add_job_routes(ApiRoutes& routes);
void add_job_change_routes(ApiRoutes& routes);
void add_bulk_routes(ApiRoutes& routes);
void add_history_routes(ApiRoutes& routes);
void add_limit_routes(ApiRoutes& routes);
void add_worker_routes(ApiRoutes& routes);
void add_diagnosis_route(ApiRoutes& routes);
void add_preview_routes(ApiRoutes& routes);
void add_session_routes(ApiRoutes& routes);
void add_share_routes(ApiRoutes& routes);
void add_system_routes(ApiRoutes& routes);
void add_upkeep_routes(ApiRoutes& routes);
void add_metrics_routes(ApiRoutes& routes);
void add_usage_routes(ApiRoutes& routes);
ApiRoutes api_routes();  // all of them

// Of a body's object, once body() has let it through. Absent: the fallback.
base::Result<std::string> string_of(const json::object& body, std::string_view key, std::size_t bytes_max);

int status_of(const base::Error& error);
net::HttpResponse failure(const base::Error& error);  // what Call::fail() sends
base::Error bad_parameter(std::string_view name, std::string_view what);

}  // namespace framemill::scheduler
