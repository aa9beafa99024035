// The inherited socket to the worker: a length (4 bytes, little-endian, at most 9 MiB) and a serialised message, both
// ways. One thread reads, one thread writes; the two share nothing but the descriptor.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace framemill::worker {

class MessagePipe {
 public:
  explicit MessagePipe(int descriptor) : fd_(descriptor) {}  // does not own it

  // The next message's bytes; nothing when the other end closed between two messages. Errors: pipe.read, pipe.message
  // (a length beyond the limit, or an end inside a message).
  base::Result<std::optional<std::string>> read();
  // Errors: pipe.write (the other end is gone), pipe.message.
  base::Status write(std::string_view message);

 private:
  base::Result<bool> read_exactly(char* to, std::size_t count);
  int fd_;
};

}  // namespace framemill::worker
