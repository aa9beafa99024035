// Private to the room: what the server refuses of a request by itself, before anybody is asked: bytes that are no
// HTTP/1, sizes, times, and heads about which two servers could disagree (request smuggling). Pure.
#pragma once

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "base/result.h"
#include "net/http_limits.h"

namespace framemill::net {

struct HttpRefusal {
  int status;
  base::Error error;
};

// What a failed read is answered with.
HttpRefusal refusal_of(boost::system::error_code error, const HttpLimits& limits);

// A head that was read well and still must not be served: a transfer encoding other than "chunked" (its end would be
// guessed), one beside a length or in HTTP/1.0, a header that may come only once and does not, another HTTP version.
std::optional<HttpRefusal> refusal_of_head(const boost::beast::http::request<boost::beast::http::string_body>& message);

}  // namespace framemill::net
