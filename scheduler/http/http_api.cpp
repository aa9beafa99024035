#include "scheduler/http/http_api.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/nearest.h"
#include "net/net_error.h"
#include "scheduler/http/authentication.h"
#include "scheduler/http/call.h"
#include "scheduler/http/page.h"

namespace framemill::scheduler {
namespace {

// More than the server's default: a resync may carry a snapshot of half of this.
constexpr std::size_t kStreamBufferBytes = 1 << 20;

base::Status check_query(const net::HttpRequest& request, const ApiRoute& route) {
  const std::vector<std::string> known(route.query.begin(), route.query.end());
  for (const auto& [key, value] : request.query) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return base::Error{"request.unknown_parameter", "unknown query parameter", key,
                       base::did_you_mean(base::nearest(key, known))};
  }
  return {};
}

net::HttpResponse no_route(const net::HttpRequest& request, const ApiRoutes::Match& match) {
  if (match.status() == 404)
    return failure(base::error_of(net::HttpError::NotFound, "not found", "", "see openapi.yaml"));
  net::HttpResponse response =
      failure(base::error_of(net::HttpError::MethodNotAllowed,
                             "the method " + request.method + " is not allowed here; allowed: " + match.allow));
  response.headers.emplace_back("Allow", match.allow);
  return response;
}

std::string name_of_user(unsigned uid) {
  struct passwd entry{};
  struct passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  const bool known = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
  return known ? entry.pw_name : fmt::format("uid {}", uid);
}

// The kernel says who is at the other end of a Unix socket.
base::Result<Caller> by_user(const net::HttpRequest& request, const ApiState&) {
  const std::optional<unsigned> uid = request.peer.uid;
  if (uid && (*uid == 0 || *uid == ::geteuid())) {
    const std::string name = name_of_user(*uid);
    return Caller{name, Role::Admin, base::sha256(name), std::nullopt};
  }
  return base::Error{"auth.unknown", "this socket is for root and the scheduler's own user", "",
                     "use listen_http with a token"};
}

// Whether this asks for a session: the one door at which people, not programs, try tokens.
bool is_sign_in(const net::HttpRequest& head) {
  return head.method == "POST" && head.path == "/api/v1/session";
}

void log_refusal(ApiState& api, const net::HttpRequest& head, const base::Error& error, const std::string& principal) {
  const std::string who = principal.empty() ? head.peer.network : principal + " at " + head.peer.network;
  const auto kept_back = api.refusals.may_say(error.code + who, base::monotonic_now());
  if (!kept_back) return;
  base::log_warning("http", "refused {}: {} ({}), {} {}{}", who, error.message, error.code, head.method, head.path,
                    *kept_back == 0 ? "" : fmt::format("; {} more times", *kept_back));
}

// A path without a route may be a file of the dashboard, which comes with no body.
std::optional<net::HttpResponse> refusal_without_route(const net::HttpRequest& head, const ApiRoutes::Match& match,
                                                       const ApiState& api) {
  auto page = page_answer(head, api.page_hosts);
  if (!page) return no_route(head, match);
  return page->status == 405 ? std::move(page) : std::nullopt;
}

// Before the body is read: strangers and those who may not do this never get to send one.
net::HttpAdmission admit(const ApiRoutes& routes, const net::HttpRequest& head, ApiState& api, Identify identify) {
  net::HttpAdmission admission;
  if (is_sign_in(head) && !api.sign_ins.is_open(head.peer.network, base::monotonic_now())) {
    admission.refusal = failure({"auth.too_many", "too many refused sign-ins from this address", "", "wait a minute"});
    return admission;
  }
  // Who has a token is known by it also where none is wanted, and where it may not do what it asks for.
  const auto known = identify(head, api);
  if (known.ok()) admission.client = known->token.hex();
  const auto match = routes.match(head.method, head.path);
  if (match.route == nullptr) {
    admission.refusal = refusal_without_route(head, match, api);
    admission.takes_body = false;
    return admission;
  }
  const auto caller = caller_of(head, match.route->value, api, identify);
  if (!caller.ok()) {
    if (is_sign_in(head)) api.sign_ins.note_refused(head.peer.network, base::monotonic_now());
    log_refusal(api, head, caller.error(), known.ok() ? known->principal : "");
    admission.refusal = failure(caller.error());
  }
  admission.takes_body = head.method == "POST" && match.route->value.role.has_value();
  return admission;
}

base::Status serve(const ApiRoutes& routes, const std::shared_ptr<Call>& call, Identify identify) {
  auto match = routes.match(call->request.method, call->request.path);
  if (match.route == nullptr) {
    auto page = page_answer(call->request, call->api->page_hosts);
    call->send(page ? *std::move(page) : no_route(call->request, match));
    return {};
  }
  const ApiRoute& route = match.route->value;
  // Asked again: the tokens may be others since the header came.
  FM_ASSIGN(call->caller, caller_of(call->request, route, *call->api, identify));
  FM_TRY(check_query(call->request, route));
  call->path = std::move(match.parameters);
  return route.handler(call);
}

base::Result<std::unique_ptr<net::HttpServer>> open_door(net::EventLoop& loop, net::HttpServerOptions options,
                                                         const std::shared_ptr<ApiState>& api, ApiRoutes known,
                                                         Identify identify) {
  const auto routes = std::make_shared<const ApiRoutes>(std::move(known));
  auto ask = [api, routes, identify](const net::HttpRequest& head) {
    net::HttpAdmission admission = admit(*routes, head, *api, identify);
    if (admission.refusal) api->figures.refused(admission.refusal->status);
    return admission;
  };
  auto handler = [api, routes, identify](net::HttpRequest request, net::Responder respond) {
    auto call = std::make_shared<Call>();
    call->request = std::move(request);
    call->respond = std::move(respond);
    call->api = api;
    const base::Status status = serve(*routes, call, identify);
    if (!status.ok()) call->fail(status.error());
  };
  return net::HttpServer::open(loop, std::move(options), std::move(handler), std::move(ask));
}

}  // namespace

base::Result<std::unique_ptr<HttpApi>> HttpApi::open(net::EventLoop& loop, net::HttpServerOptions options,
                                                     TokenTable tokens, FarmPort& farm, std::string version,
                                                     MetricsOptions metrics, std::vector<std::string> page_hosts) {
  std::unique_ptr<HttpApi> api(new HttpApi);
  api->state_ = std::make_shared<ApiState>(loop, farm, std::move(version), metrics.metrics);
  api->state_->local_scrape = metrics.loopback_without_token;
  api->state_->tokens = std::make_shared<const TokenTable>(std::move(tokens));
  api->state_->events.use_tokens(api->state_->tokens);
  for (std::string& host : page_hosts) host = base::ascii_lower(host);
  api->state_->page_hosts = std::move(page_hosts);
  options.limits.stream_buffer_bytes_max = std::max(options.limits.stream_buffer_bytes_max, kStreamBufferBytes);
  api->loop_ = &loop;
  FM_ASSIGN(api->server_, open_door(loop, std::move(options), api->state_, api_routes(), authenticate));
  api->state_->cookie_name = "framemill_" + std::to_string(api->server_->port());
  metrics.metrics->add_source(
      [server = api->server_.get()](monitoring::Page& page) { HttpFigures::write(page, server->counters()); });
  return api;
}

void HttpApi::use_upkeep(UpkeepPort* upkeep) {
  state_->upkeep = upkeep;
}

void HttpApi::use_previews(PreviewPort* previews) {
  state_->previews = previews;
}

base::Status HttpApi::open_local_door(net::HttpServerOptions options) {
  ApiRoutes routes;
  add_upkeep_routes(routes);
  FM_ASSIGN(local_server_, open_door(*loop_, std::move(options), state_, std::move(routes), by_user));
  return {};
}

HttpApi::~HttpApi() {
  if (state_) state_->events.close_all();
}

const std::string& HttpApi::url() const {
  return server_->url();
}
std::uint16_t HttpApi::port() const {
  return server_->port();
}

std::size_t HttpApi::open_streams() const {
  return state_->events.readers();
}

void HttpApi::publish(EventBatch batch) {
  auto shared = std::make_shared<const EventBatch>(std::move(batch));
  state_->loop.post([weak = std::weak_ptr(state_), shared, now = HttpFigures::Clock::now()] {
    const auto state = weak.lock();
    if (!state) return;
    state->events.publish(*shared);
    state->figures.delivered(now);
  });
}

void HttpApi::use_tokens(TokenTable tokens) {
  auto shared = std::make_shared<const TokenTable>(std::move(tokens));
  state_->loop.post([weak = std::weak_ptr(state_), shared] {
    auto state = weak.lock();
    if (!state) return;
    state->tokens = shared;
    state->events.use_tokens(shared);
  });
}

void HttpApi::stop(base::Duration grace, std::function<void()> done) {
  state_->events.close_all();
  state_->previews = nullptr;
  state_->upkeep = nullptr;  // a copy under way is answered by nobody
  local_server_.reset();
  server_->stop(grace, std::move(done));
}

}  // namespace framemill::scheduler
