// The bounds of an HTTP server: sizes, times and shares of addresses and clients. Values.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace framemill::net {

struct HttpLimits {
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 1 << 20;
  std::size_t bodies_bytes_max = 64 << 20;           // of all connections together
  std::size_t connections_max = 1024;                // beyond it a waiting one is closed, or the new one gets a 503
  std::size_t stream_buffer_bytes_max = 256 * 1024;  // unsent bytes per stream; a reader that lags more is dropped
  base::Duration header_timeout = base::seconds(5);  // from the first byte, a stranger's from the connection's start
  base::Duration body_timeout = base::seconds(30);
  base::Duration idle_timeout = base::seconds(60);   // between requests; a stranger has header_timeout
  base::Duration write_timeout = base::seconds(30);  // per reply, and per piece of a stream
  // Of one address (IPv6: of its /64 network; a Unix socket: of one user), counting strangers alone.
  std::size_t connections_per_address_max = 256;
  double requests_per_address_per_s = 20;
  // Of one client that the Admit function named.
  std::size_t connections_per_client_max = 128;
  std::size_t requests_per_client_max = 32;  // being answered at once
  double requests_per_client_per_s = 200;
  std::size_t bodies_per_client_bytes_max = 8 << 20;
};

}  // namespace framemill::net
