#include "scheduler/http/authentication.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/clock.h"

namespace framemill::scheduler {
namespace {

constexpr std::string_view kCsrfHeader = "X-Framemill-Csrf";

base::Result<Caller> bearer_of(const std::string& header, const TokenTable& tokens) {
  const std::string_view text = header;
  const std::size_t space = std::min(text.find(' '), text.size());
  if (base::ascii_lower(text.substr(0, space)) != "bearer" || space == text.size()) {
    return base::Error{"auth.missing", "the Authorization header is not a bearer token", "Authorization",
                       "send Authorization: Bearer TOKEN"};
  }
  return tokens.authenticate(text.substr(space + 1), base::wall_now());
}

// Null: the request has no cookie of a session that is open.
const Session* session_of(const net::HttpRequest& request, const ApiState& api) {
  const std::string* header = request.header("Cookie");
  if (header == nullptr) return nullptr;
  return api.sessions.find(cookie_value(*header, api.cookie_name), base::wall_now());
}

// Whether the page that sent this is the farm's own: it knows the session's CSRF token, which no other page can read, and
// the browser names the farm as its origin.
bool is_from_own_page(const net::HttpRequest& request, const Session& session) {
  const std::string* csrf = request.header(kCsrfHeader);
  // Digests are compared, so that the time it takes tells nothing of the bytes.
  if (csrf == nullptr || base::sha256(*csrf) != base::sha256(session.csrf)) return false;
  const std::string* site = request.header("Sec-Fetch-Site");
  if (site != nullptr && *site != "same-origin") return false;
  const std::string* origin = request.header("Origin");
  const std::string* host = request.header("Host");
  if (origin == nullptr) return true;  // not a browser, and it knows the CSRF token
  const std::size_t scheme = origin->find("://");
  return host != nullptr && scheme != origin->npos &&
         base::ascii_lower(origin->substr(scheme + 3)) == base::ascii_lower(*host);
}

// From this host itself. A proxy on this host speaks for others, and says so.
bool is_local(const net::HttpRequest& request) {
  if (request.header("Forwarded") != nullptr || request.header("X-Forwarded-For") != nullptr) return false;
  const net::HttpPeer& peer = request.peer;
  return peer.uid || peer.address.starts_with("127.") || peer.address.starts_with("[::1]:");
}

}  // namespace

base::Result<Caller> authenticate(const net::HttpRequest& request, const ApiState& api) {
  if (const std::string* header = request.header("Authorization")) return bearer_of(*header, *api.tokens);
  if (const Session* session = session_of(request, api)) {
    FM_ASSIGN(Caller caller, api.tokens->caller_of(session->token, base::wall_now()));
    caller.session = session->id;
    caller.session_ends = session->expires;
    return caller;
  }
  return base::Error{"auth.missing", "this needs a token", "Authorization", "send Authorization: Bearer TOKEN"};
}

base::Result<Caller> caller_of(const net::HttpRequest& request, const ApiRoute& route, const ApiState& api,
                               Identify identify) {
  if (!route.role) return Caller{};
  if (route.exempt == Exempt::LocalScrape && api.local_scrape && is_local(request)) return Caller{};
  FM_ASSIGN(Caller caller, identify(request, api));
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (caller.session && !reads && !is_from_own_page(request, *session_of(request, api))) {
    return base::Error{"auth.cross_site", "this change does not come from the farm's own page",
                       std::string(kCsrfHeader), "reload the page, or send a bearer token"};
  }
  if (caller.role >= *route.role) return caller;
  return base::Error{
      "auth.role",
      "this needs the role " + std::string(name(*route.role)) + ", the token has " + std::string(name(caller.role)), "",
      "ask an administrator of the farm for such a token"};
}

}  // namespace framemill::scheduler
