#include "worker/supervisor/output_tail.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace framemill::worker {

void OutputTail::add(std::string_view bytes) {
  const std::size_t room = kHeadBytes - head_.size();
  head_ += bytes.substr(0, room);
  bytes.remove_prefix(std::min(room, bytes.size()));
  const std::size_t kept = std::min(bytes.size(), kTailBytes);
  if (bytes.size() > kept) {
    left_out_ += tail_.size() + bytes.size() - kept;
    tail_.clear();
  }
  tail_ += bytes.substr(bytes.size() - kept);
  // Cut in large steps: a cut per write would move the whole for every line.
  if (tail_.size() > 2 * kTailBytes) {
    left_out_ += tail_.size() - kTailBytes;
    tail_.erase(0, tail_.size() - kTailBytes);
  }
}

std::string OutputTail::text() const {
  const std::size_t surplus = tail_.size() > kTailBytes ? tail_.size() - kTailBytes : 0;
  if (left_out_ + surplus == 0) return base::clean_tail(head_ + tail_, kBytesMax, base::Lines::Keep);
  const std::string head = base::clean_text(head_, kHeadBytes, base::Lines::Keep);
  return fmt::format("{}\n[... {} bytes left out ...]\n{}", head, left_out_ + surplus,
                     base::clean_tail(tail_, kTailBytes, base::Lines::Keep));
}

std::string OutputTail::last_line() const {
  const std::string text = base::clean_tail(tail_.empty() ? head_ : tail_, kBytesMax, base::Lines::Keep);
  std::string_view rest = text;
  while (!rest.empty() && (rest.back() == '\n' || rest.back() == ' ')) rest.remove_suffix(1);
  const std::size_t newline = rest.rfind('\n');
  return std::string(base::first_bytes(newline == std::string_view::npos ? rest : rest.substr(newline + 1), 1024));
}

void LineSplitter::add(std::string_view bytes, const std::function<void(std::string_view line)>& on_line) {
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const std::size_t room = kLineBytesMax - partial_.size();
    const std::size_t take = std::min({newline, bytes.size(), room});
    partial_ += bytes.substr(0, take);
    bytes.remove_prefix(take);
    const bool complete = !bytes.empty() && bytes.front() == '\n';
    if (complete) bytes.remove_prefix(1);
    if (complete || partial_.size() >= kLineBytesMax) {
      on_line(partial_);
      partial_.clear();
    }
  }
}

void LineSplitter::finish(const std::function<void(std::string_view line)>& on_line) {
  if (!partial_.empty()) on_line(partial_);
  partial_.clear();
}

}  // namespace framemill::worker
