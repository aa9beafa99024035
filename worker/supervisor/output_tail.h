// The last words of a process: what it wrote last, at most 16 KiB, and its lines as they come. A plain value; loop
// thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "wire/limits.h"

namespace framemill::worker {

class OutputTail {
 public:
  static constexpr std::size_t kBytesMax = wire::kOutputTailBytesMax;

  void add(std::string_view bytes) {
    if (bytes.size() >= kBytesMax) bytes_.clear();
    bytes_ += bytes.substr(bytes.size() > kBytesMax ? bytes.size() - kBytesMax : 0);
    // Cut in large steps: a cut per write would move 16 KiB for every line.
    if (bytes_.size() > 2 * kBytesMax) bytes_.erase(0, bytes_.size() - kBytesMax);
  }
  std::string text() const { return bytes_.size() > kBytesMax ? bytes_.substr(bytes_.size() - kBytesMax) : bytes_; }
  std::string last_line() const;

 private:
  std::string bytes_;
};

// Cuts a stream into lines; a line longer than 4 KiB is handed out in pieces.
class LineSplitter {
 public:
  static constexpr std::size_t kLineBytesMax = 4096;
  void add(std::string_view bytes, const std::function<void(std::string_view line)>& on_line);

 private:
  std::string partial_;
};

}  // namespace framemill::worker
