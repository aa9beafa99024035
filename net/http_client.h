// A small synchronous HTTP client for the command line: one connection per call, every wait bounded. Not for daemons'
// loops. One thread at a time.
//
// Errors: http.bad_url, net.connect, net.timeout, net.closed, http.bad_reply, http.too_large, net.interrupted.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/http_message.h"
#include "net/sse.h"

namespace framemill::net {

struct HttpClientOptions {
  base::Duration connect_timeout = base::seconds(5);
  base::Duration read_timeout = base::seconds(30);  // for the whole reply; on streams, for each pause
  std::size_t body_bytes_max = 64 << 20;
  // Asked every 200 ms while waiting; false ends the call with net.interrupted (Ctrl-C).
  std::function<bool()> keep_going;
};

struct HttpCall {
  std::string method = "GET";
  std::string target = "/";  // already percent-encoded
  HttpHeaders headers;
  std::string body;
  std::string content_type = "application/json";  // sent when there is a body
};

class HttpClient {
 public:
  // "http://host:port" or "unix:/path/to/socket".
  static base::Result<HttpClient> open(std::string_view url, HttpClientOptions options = {});

  base::Result<HttpResponse> send(const HttpCall& call);
  // Reads an event stream until on_event returns false (ok), the server ends it (net.closed) or an error. A reply that
  // is no 200 is given back as the value, with its body, and on_event is never called; a 200 has an empty body.
  base::Result<HttpResponse> stream(const HttpCall& call, const SseParser::OnEvent& on_event);

  // Of calls from now on: HttpClientOptions::read_timeout.
  void wait_up_to(base::Duration time) { options_.read_timeout = time; }

  const std::string& url() const { return url_; }

 private:
  HttpClient() = default;
  base::Result<HttpResponse> run(const HttpCall& call, const SseParser::OnEvent* on_event);

  std::string url_;
  std::string host_;  // for Host:, without port for Unix sockets
  std::string port_;
  std::string unix_path_;  // empty for TCP
  HttpClientOptions options_;
};

}  // namespace framemill::net
