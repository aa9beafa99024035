// Requests and replies of HTTP/1.1 as values, shared by the server and the client. Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace framemill::net {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;  // names in lower case on received messages

// The first value of the header (name compared without case), or nullptr.
const std::string* find_header(const HttpHeaders& headers, std::string_view name);

struct HttpPeer {
  std::string address;          // "127.0.0.1:40112", or "unix"
  std::string network;          // what its limits count: "127.0.0.1", an IPv6 address's /64, "uid 1000"
  std::optional<unsigned> uid;  // of the process at the other end of a Unix socket
};

struct HttpRequest {
  std::string method;                        // upper case
  std::string target;                        // as sent: "/api/v1/jobs?state=running"
  std::string path;                          // up to the '?', still percent-encoded
  std::map<std::string, std::string> query;  // decoded; a key that comes twice was refused with 400
  HttpHeaders headers;
  std::string body;
  HttpPeer peer;

  const std::string* header(std::string_view name) const { return find_header(headers, name); }
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  std::string content_type = "application/json";

  const std::string* header(std::string_view name) const { return find_header(headers, name); }
};

// Decodes %41; a bare '%' or a decoded NUL is an error (http.bad_encoding). `plus_is_space` is the rule inside queries.
base::Result<std::string> percent_decode(std::string_view text, bool plus_is_space);
// Encodes everything but letters, digits and -._~ ; for one path segment or one query value.
std::string percent_encode(std::string_view text);
// "a=1&b=two+words"; at most 64 keys. Only what RFC 3986 lets stand in a query: all else is to be percent-encoded.
// Errors: http.bad_encoding, http.bad_query.
base::Result<std::map<std::string, std::string>> parse_query(std::string_view text);

// {"code":..,"message":..,"field":..,"hint":..} as the house's error body, with the given status.
HttpResponse error_response(int status, const base::Error& error);

}  // namespace framemill::net
