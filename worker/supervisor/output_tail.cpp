#include "worker/supervisor/output_tail.h"

#include <algorithm>

namespace framemill::worker {

std::string OutputTail::last_line() const {
  std::string_view rest = bytes_;
  while (!rest.empty() && (rest.back() == '\n' || rest.back() == '\r')) rest.remove_suffix(1);
  const std::size_t newline = rest.rfind('\n');
  return std::string(newline == std::string_view::npos ? rest : rest.substr(newline + 1)).substr(0, 1024);
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

}  // namespace framemill::worker
