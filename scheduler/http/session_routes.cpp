// /api/v1/session: a browser shows a token once and gets a cookie for it, sees who it is, and signs out.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/clock.h"
#include "scheduler/http/call.h"
#include "scheduler/http/page.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

// Scripts cannot read it and other sites cannot make a browser send it. Beyond loopback it travels over TLS alone.
std::string cookie(const Call& call, std::string_view value, std::int64_t age_s) {
  const bool secure = !is_loopback_host(call.request.header("Host"));
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", call.api->cookie_name, value, age_s,
                     secure ? "; Secure" : "");
}

json::object session_json(const Caller& caller, std::string_view csrf) {
  base::WallTime ends;
  if (caller.expires) ends = *caller.expires;
  if (caller.session_ends && (!caller.expires || *caller.session_ends < ends)) ends = *caller.session_ends;
  json::value csrf_json = nullptr;
  if (!csrf.empty()) csrf_json = json::string(csrf);
  return {{"principal", text_json(caller.principal)},
          {"role", json::string(name(caller.role))},
          {"csrf", std::move(csrf_json)},
          {"expires", time_json(ends)}};
}

void answer_with_cookie(const Call& call, int status, const json::object& body, std::string set_cookie) {
  net::HttpResponse response;
  response.status = status;
  response.headers = {{"Cache-Control", "no-store"}, {"Set-Cookie", std::move(set_cookie)}};
  response.body = json::serialize(body) + "\n";
  call.respond.send(std::move(response));
}

base::Status sign_in(const std::shared_ptr<Call>& call) {
  if (!is_own_host(call->request.header("Host"), call->api->page_hosts)) {
    call->respond.send(misdirected(call->request.header("Host")));
    return {};
  }
  if (call->caller.session)
    return base::Error{"request.needs_token", "a session is opened with a token, not with another session",
                       "Authorization", "send Authorization: Bearer TOKEN"};
  const auto opened = call->api->sessions.open(call->caller.token, base::wall_now());
  Caller caller = call->caller;
  caller.session_ends = opened.session.expires;
  answer_with_cookie(*call, 201, session_json(caller, opened.session.csrf),
                     cookie(*call, opened.secret, SessionTable::kLifetime.ms / 1000));
  return {};
}

base::Status show_session(const std::shared_ptr<Call>& call) {
  std::string csrf;
  if (call->caller.session) {
    const Session* session = call->api->sessions.find_by_id(*call->caller.session);
    if (session != nullptr) csrf = session->csrf;
  }
  call->answer(200, session_json(call->caller, csrf));
  return {};
}

base::Status sign_out(const std::shared_ptr<Call>& call) {
  if (call->caller.session) {
    call->api->sessions.close(*call->caller.session);
    call->api->events.end_session(*call->caller.session);
  }
  answer_with_cookie(*call, 200, {{"ended", call->caller.session.has_value()}}, cookie(*call, "", 0));
  return {};
}

}  // namespace

void add_session_routes(ApiRoutes& routes) {
  routes.add("POST", "/api/v1/session", {sign_in, Role::Viewer, {}});
  routes.add("GET", "/api/v1/session", {show_session, Role::Viewer, {}});
  routes.add("DELETE", "/api/v1/session", {sign_out, Role::Viewer, {}});
}

}  // namespace framemill::scheduler
