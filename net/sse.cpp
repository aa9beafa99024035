#include "net/sse.h"

#include <fmt/format.h>

namespace framemill::net {

namespace {

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\n' && c != '\r' && c != '\0') out += c;
  }
  return out;
}

}  // namespace

std::string format_sse(const SseEvent& event) {
  std::string out;
  if (!event.id.empty()) out += "id: " + one_line(event.id) + "\n";
  if (!event.event.empty()) out += "event: " + one_line(event.event) + "\n";
  // CR, LF and CRLF all end a line for the reader, so each must start a new data line.
  std::string_view rest = event.data;
  while (true) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    out += "data: ";
    out += rest.substr(0, end);
    out += '\n';
    if (end == rest.size()) break;
    rest.remove_prefix(end + (rest.substr(end, 2) == "\r\n" ? 2 : 1));
  }
  return out + "\n";
}

std::string sse_keep_alive() {
  return ": keep-alive\n\n";
}

base::Result<bool> SseParser::feed(std::string_view bytes, const OnEvent& on_event) {
  for (const char c : bytes) {
    if (skip_line_feed_ && c == '\n') {
      skip_line_feed_ = false;
      continue;
    }
    skip_line_feed_ = c == '\r';
    if (c != '\n' && c != '\r') {
      line_ += c;
      if (line_.size() + event_.data.size() > event_bytes_max_) {
        return base::Error{"sse.too_large", fmt::format("an event of more than {} bytes", event_bytes_max_), "", ""};
      }
      continue;
    }
    std::string_view line = line_;
    if (at_start_ && line.substr(0, 3) == "\xEF\xBB\xBF") line.remove_prefix(3);
    at_start_ = false;
    const bool go_on = take_line(line, on_event);
    line_.clear();
    if (!go_on) return false;
  }
  return true;
}

bool SseParser::take_line(std::string_view line, const OnEvent& on_event) {
  if (line.empty()) {
    SseEvent event = std::move(event_);
    event_ = {};
    if (!std::exchange(has_data_, false)) return true;
    event.id = last_id_;
    return on_event(event);
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view field = line.substr(0, colon);
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (!value.empty() && value[0] == ' ') value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id" && value.find('\0') == value.npos) {
    last_id_ = value;
  }
  return true;
}

}  // namespace framemill::net
