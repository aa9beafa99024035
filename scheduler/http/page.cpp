#include "scheduler/http/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/text.h"
#include "monitoring/dashboard/bundle.h"
#include "net/net_error.h"

namespace framemill::scheduler {
namespace {

constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
constexpr std::string_view kNoDashboard =
    "<!doctype html><html lang=\"en\"><title>Framemill</title><h1>Framemill</h1><p>This scheduler was built without the "
    "dashboard: monitoring/dashboard/dist was empty. The command line and the API work as ever.</p></html>";

// The name of a Host header, without the port, in lower case; of "[::1]:80" it is "[::1]".
std::string host_name(const std::string* header) {
  if (header == nullptr) return {};
  std::string host = base::ascii_lower(*header);
  const std::size_t bracket = host.find(']');
  const std::size_t colon = host.find(':', bracket == host.npos ? 0 : bracket);
  if (colon != host.npos) host.resize(colon);
  return host;
}

bool is_ipv4(std::string_view host) {
  return !host.empty() && std::count(host.begin(), host.end(), '.') == 3 &&
         std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

net::HttpResponse with_policy(net::HttpResponse response) {
  response.headers.emplace_back("Content-Security-Policy", kContentPolicy);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("X-Frame-Options", "DENY");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  response.headers.emplace_back("Permissions-Policy", "camera=(), geolocation=(), microphone=()");
  return response;
}

// "gzip;q=0" and the like: whether the client says that it cannot read it. Without a word of it, it may be sent.
bool refuses_gzip(const net::HttpRequest& request) {
  const std::string* accepted = request.header("Accept-Encoding");
  if (accepted == nullptr) return false;
  const std::string text = base::ascii_lower(*accepted);
  return text.find("gzip") == text.npos && text.find('*') == text.npos;
}

net::HttpResponse file_answer(const net::HttpRequest& request, const dashboard::BundleFile& file) {
  net::HttpResponse response;
  response.content_type = dashboard::content_type(file);
  const std::string tag = "\"" + std::string(file.sha256.substr(0, 32)) + "\"";
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("Cache-Control",
                                dashboard::is_immutable(file) ? "public, max-age=31536000, immutable" : "no-cache");
  const std::string* known = request.header("If-None-Match");
  if (known != nullptr && (*known == "*" || known->find(tag) != known->npos)) {
    response.status = 304;
    return with_policy(std::move(response));
  }
  response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = file.gzip;
  return with_policy(std::move(response));
}

}  // namespace

bool is_loopback_host(const std::string* host_header) {
  const std::string host = host_name(host_header);
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         (is_ipv4(host) && host.starts_with("127."));
}

bool is_own_host(const std::string* host_header, const std::vector<std::string>& hosts) {
  const std::string host = host_name(host_header);
  return is_loopback_host(host_header) || is_ipv4(host) || host.starts_with('[') ||
         std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

net::HttpResponse misdirected(const std::string* host_header) {
  const std::string host = base::valid_utf8(host_name(host_header));
  return net::error_response(421, {"http.unknown_host", "this farm is not known as \"" + host + "\"", "Host",
                                   "add the name to dashboard_hosts in scheduler.toml"});
}

std::optional<net::HttpResponse> page_answer(const net::HttpRequest& request, const std::vector<std::string>& hosts) {
  const dashboard::BundleFile* file = dashboard::find_file(request.path);
  if (file == nullptr && request.path != "/") return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    net::HttpResponse refusal = net::error_response(
        405, base::error_of(net::HttpError::MethodNotAllowed, "the method " + request.method + " is not allowed here"));
    refusal.headers.emplace_back("Allow", "GET");
    return refusal;
  }
  if (!is_own_host(request.header("Host"), hosts)) return misdirected(request.header("Host"));
  if (file == nullptr) {
    net::HttpResponse none{503, {}, std::string(kNoDashboard), "text/html; charset=utf-8"};
    return with_policy(std::move(none));
  }
  if (refuses_gzip(request))
    return net::error_response(
        406, {"http.encoding", "the dashboard's files are sent with gzip alone", "Accept-Encoding", "accept gzip"});
  return file_answer(request, *file);
}

}  // namespace framemill::scheduler
