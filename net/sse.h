// Server-sent events (HTML Living Standard, section 9.2): writing on the server, reading on the client. Pure; any
// thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace framemill::net {

struct SseEvent {
  std::string id;     // empty: none
  std::string event;  // empty: "message"
  std::string data;   // may have several lines
};

// The event as bytes, ended by an empty line. Line breaks inside id and event are dropped, those in data become further
// data lines, so that no value can forge an event.
std::string format_sse(const SseEvent& event);
// A comment, which clients ignore; keeps proxies and read timeouts from ending a quiet stream.
std::string sse_keep_alive();

// Puts events together again from pieces of any size. Bounded: a line or an event beyond the limit is an error.
class SseParser {
 public:
  using OnEvent = std::function<bool(const SseEvent&)>;  // false: stop
  explicit SseParser(std::size_t event_bytes_max = 4 << 20) : event_bytes_max_(event_bytes_max) {}

  // False when on_event asked to stop (what follows in `bytes` is then lost). Errors: sse.too_large.
  base::Result<bool> feed(std::string_view bytes, const OnEvent& on_event);
  const std::string& last_id() const { return last_id_; }

 private:
  bool take_line(std::string_view line, const OnEvent& on_event);

  std::size_t event_bytes_max_;
  std::string line_;
  bool skip_line_feed_ = false;
  bool at_start_ = true;
  bool has_data_ = false;
  SseEvent event_;
  std::string last_id_;
};

}  // namespace framemill::net
