#include "net/http_framing.h"

#include <fmt/format.h>

#include <boost/asio/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/fields.hpp>

namespace framemill::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

HttpRefusal refusal_of(error_code error, const HttpLimits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {431,
            {"http.header_too_large",
             fmt::format("the request's header is larger than {} bytes", limits.header_bytes_max), "", ""}};
  }
  if (error == http::error::body_limit) {
    return {
        413,
        {"http.too_large", fmt::format("the request's body is larger than {} bytes", limits.body_bytes_max), "", ""}};
  }
  if (error == asio::error::timed_out) return {408, {"http.too_slow", "the request took too long to arrive", "", ""}};
  if (error == http::error::bad_version) {
    return {505, {"http.bad_version", "this server supports HTTP/1.1 and HTTP/1.0", "", ""}};
  }
  return {400, {"http.bad_request", "this is not a request of HTTP/1.1: " + error.message(), "", ""}};
}

std::optional<HttpRefusal> refusal_of_head(const http::request<http::string_body>& message) {
  const auto bad = [](int status, const char* code, std::string text) {
    return HttpRefusal{status, {code, std::move(text), "", ""}};
  };
  if (message.version() != 10 && message.version() != 11) {
    return bad(505, "http.bad_version", "this server supports HTTP/1.1 and HTTP/1.0");
  }
  for (const http::field once : {http::field::host, http::field::authorization, http::field::content_length,
                                 http::field::transfer_encoding, http::field::content_type}) {
    if (message.count(once) > 1) {
      return bad(400, "http.bad_request",
                 "the header " + std::string(http::to_string(once)) + " is given more than once");
    }
  }
  const auto encoding = message.find(http::field::transfer_encoding);
  if (encoding == message.end()) return std::nullopt;
  if (!beast::iequals(encoding->value(), "chunked")) {
    return bad(501, "http.transfer_encoding", "the only supported transfer encoding is \"chunked\"");
  }
  if (message.version() == 10 || message.count(http::field::content_length) > 0) {
    return bad(400, "http.bad_request", "a transfer encoding needs HTTP/1.1 and no Content-Length");
  }
  return std::nullopt;
}

}  // namespace framemill::net
