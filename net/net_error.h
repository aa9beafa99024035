// What can go wrong between two ends of a connection. The HTTP server's refusals have codes of their own ("http.*"): of
// these only the ones that something decides by are here. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error_code.h"

namespace framemill::net {

enum class NetError : std::uint8_t {
  Bind,
  Closed,  // by the other end
  Connect,
  Interrupted,  // by whoever waited
  MessageTooLarge,
  NotLoopback,
  NotSecure,
  PeerGone,
  QueueFull,
  Timeout,
  Zmq
};
std::string_view text_of(NetError error);  // "net.queue_full"
std::optional<NetError> net_error_from_code(std::string_view code);

enum class HttpError : std::uint8_t {
  BadReply,
  Busy,
  MediaType,
  MethodNotAllowed,
  NotFound,
  TooLarge,
  TooManyConnections,
  TooManyRequests,
  TooManyStreams
};
std::string_view text_of(HttpError error);  // "http.not_found"

}  // namespace framemill::net
