// A plain TCP client that sends exactly the bytes a test wants, good or bad. For tests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace framemill::net::testing {

class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port, int receive_buffer_bytes = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer_bytes > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawSocket() { ::close(fd_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // What comes until the end, the text `until` or the time, whichever is first.
  std::string receive(std::string_view until = {}, int ms_max = 10'000) {
    std::string all;
    while (until.empty() || all.find(until) == std::string::npos) {
      pollfd item{fd_, POLLIN, 0};
      if (::poll(&item, 1, ms_max) <= 0) {
        timed_out_ = true;
        return all;
      }
      char piece[16384];
      const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
      if (n <= 0) {
        ended_ = true;
        return all;
      }
      all.append(piece, static_cast<std::size_t>(n));
    }
    return all;
  }

  bool ended() const { return ended_; }
  bool timed_out() const { return timed_out_; }

 private:
  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  bool timed_out_ = false;
};

}  // namespace framemill::net::testing
