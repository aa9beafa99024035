#include "worker/executor/message_pipe.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "wire/limits.h"

namespace framemill::worker {
namespace {

base::Error pipe_error(const char* code, std::string message) {
  return {code, std::move(message), "", ""};
}

}  // namespace

// True when all bytes came, false when the other end closed before the first.
base::Result<bool> MessagePipe::read_exactly(char* to, std::size_t count) {
  std::size_t have = 0;
  while (have < count) {
    const ssize_t n = ::read(fd_, to + have, count - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == ECONNRESET) return false;  // closed with messages of ours unread
    if (n < 0) return pipe_error("pipe.read", fmt::format("read from the worker: {}", std::strerror(errno)));
    if (n == 0 && have == 0) return false;
    if (n == 0) return pipe_error("pipe.message", "the worker's end closed inside a message");
    have += static_cast<std::size_t>(n);
  }
  return true;
}

base::Result<std::optional<std::string>> MessagePipe::read() {
  unsigned char header[4];
  FM_ASSIGN(const bool more, read_exactly(reinterpret_cast<char*>(header), sizeof header));
  if (!more) return std::optional<std::string>{};
  const std::size_t size = header[0] | header[1] << 8 | header[2] << 16 | static_cast<std::size_t>(header[3]) << 24;
  if (size > wire::kExecutorMessageBytesMax)
    return pipe_error("pipe.message",
                      fmt::format("a message of {} bytes; the limit is {}", size, wire::kExecutorMessageBytesMax));
  std::string message(size, '\0');
  if (size == 0) return std::optional(std::move(message));
  FM_ASSIGN(const bool whole, read_exactly(message.data(), size));
  if (!whole) return pipe_error("pipe.message", "the worker's end closed inside a message");
  return std::optional(std::move(message));
}

base::Status MessagePipe::write(std::string_view message) {
  if (message.size() > wire::kExecutorMessageBytesMax)
    return pipe_error("pipe.message", fmt::format("a message of {} bytes; the limit is {}", message.size(),
                                                  wire::kExecutorMessageBytesMax));
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string bytes{static_cast<char>(size & 0xff), static_cast<char>(size >> 8 & 0xff),
                    static_cast<char>(size >> 16 & 0xff), static_cast<char>(size >> 24)};
  bytes += message;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t n = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return pipe_error("pipe.write", fmt::format("write to the worker: {}", std::strerror(errno)));
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace framemill::worker
