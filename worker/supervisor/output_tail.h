// What a process wrote, at most 16 KiB: its first words (the command line that it prints, a version, the first error)
// and its last ones, and its lines as they come. Plain values; loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "wire/limits.h"

namespace framemill::worker {

class OutputTail {
 public:
  static constexpr std::size_t kBytesMax = wire::kOutputTailBytesMax;
  static constexpr std::size_t kHeadBytes = 4 << 10;  // of the beginning
  static constexpr std::size_t kTailBytes =
      kBytesMax - kHeadBytes - 128;  // of the end; the rest names what is left out

  void add(std::string_view bytes);
  // Well-formed UTF-8 without control characters but line breaks and tabs (base/text.h); where the middle is left out a
  // line says how many bytes that is.
  std::string text() const;
  // The last line that is not empty, in the same form, at most 1 KiB.
  std::string last_line() const;
  bool ends_line() const {
    const std::string& last = tail_.empty() ? head_ : tail_;
    return last.empty() || last.back() == '\n';
  }

 private:
  std::string head_, tail_;
  std::uint64_t left_out_ = 0;  // bytes between the two
};

// Cuts a stream into lines; a line longer than 4 KiB is handed out in pieces.
class LineSplitter {
 public:
  static constexpr std::size_t kLineBytesMax = 4096;
  void add(std::string_view bytes, const std::function<void(std::string_view line)>& on_line);
  // Hands out what has no end of line: there will be none.
  void finish(const std::function<void(std::string_view line)>& on_line);

 private:
  std::string partial_;
};

}  // namespace framemill::worker
