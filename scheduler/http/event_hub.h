// The event stream's memory and its readers: the newest events, each with the id that a client resumes from, and the
// streams that get every new one. Bounded (kEventsMax, kBytesMax, kReadersMax); who comes with an id that is no longer
// there is asked to reload the views. A stream ends with the token that opened it. One thread: the HTTP loop's.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "net/http_server.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/http/tokens.h"

namespace framemill::scheduler {

// "<epoch>.<sequence>-<index in the batch>". Turns that changed no record raise the sequence beyond the durable one, so
// the next start may use it again: only the epoch keeps the two apart. Without an epoch it is of an older program.
struct EventId {
  std::uint32_t epoch = 0;
  std::uint64_t sequence = 0;
  std::uint32_t index = 0;
  auto operator<=>(const EventId&) const = default;
  std::string text() const;
  static std::optional<EventId> parse(std::string_view text);
};

class EventHub {
 public:
  static constexpr std::size_t kEventsMax = 8192;
  static constexpr std::size_t kBytesMax = 8 << 20;
  static constexpr std::size_t kReadersMax = 512;
  static constexpr std::size_t kReadersPerTokenMax = 32;

  explicit EventHub(net::EventLoop& loop) : loop_(loop) {}

  // From now on these tokens are valid: streams of others end.
  void use_tokens(std::shared_ptr<const TokenTable> tokens);

  void publish(const EventBatch& batch);

  // Where a reader goes on: the running number of the first event it has not seen.
  using Position = std::uint64_t;
  Position end() const { return first_ + entries_.size(); }
  // After the event with this id, if everything since is still there.
  std::optional<Position> after(EventId id) const;
  std::optional<EventId> last_id() const;

  // Starts the reply: `opening` first, then the events since `from`, then those to come; of one job only, if given.
  // A reader that lags too far is cut off by its stream's buffer. Errors: auth.expired (the caller's token is no longer
  // valid), http.too_many_streams, farm.too_many_streams.
  base::Status attach(const Caller& caller, const net::Responder& respond, std::string opening, Position from,
                      std::optional<JobId> job);
  // Ends the streams that a browser's session opened.
  void end_session(const base::Sha256& session);
  std::size_t readers() const { return readers_.size(); }
  void close_all();

 private:
  struct Entry {
    EventId id;
    JobId job;
    std::string bytes;  // as on the wire
  };
  struct Reader {
    std::shared_ptr<net::HttpStream> stream;
    std::optional<JobId> job;
    Caller caller;
  };
  void send_keep_alive();
  void end_expired();
  void await_expiry();

  net::EventLoop& loop_;
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
  Position first_ = 0;                // of entries_.front()
  std::optional<EventId> forgotten_;  // the last one that had to go
  std::list<Reader> readers_;
  std::shared_ptr<const TokenTable> tokens_;
  net::Timer keep_alive_, expiry_;
};

}  // namespace framemill::scheduler
