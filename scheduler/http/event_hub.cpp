#include "scheduler/http/event_hub.h"

#include <algorithm>
#include <charconv>

#include "net/sse.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kKeepAliveInterval = base::seconds(15);

}  // namespace

std::string EventId::text() const {
  return std::to_string(epoch) + "." + std::to_string(sequence) + "-" + std::to_string(index);
}

std::optional<EventId> EventId::parse(std::string_view text) {
  EventId id;
  const char* end = text.data() + text.size();
  const char* sequence = text.data();
  if (text.find('.') != std::string_view::npos) {
    const auto [dot, bad_epoch] = std::from_chars(sequence, end, id.epoch);
    if (bad_epoch != std::errc() || dot == end || *dot != '.') return std::nullopt;
    sequence = dot + 1;
  }
  const auto [dash, bad_sequence] = std::from_chars(sequence, end, id.sequence);
  if (bad_sequence != std::errc() || dash == end || *dash != '-') return std::nullopt;
  const auto [last, bad_index] = std::from_chars(dash + 1, end, id.index);
  if (bad_index != std::errc() || last != end) return std::nullopt;
  return id;
}

void EventHub::publish(const EventBatch& batch) {
  const std::size_t before = entries_.size();
  for (std::size_t i = 0; i < batch.events.size(); ++i) {
    const EventRow& row = batch.events[i];
    Entry entry{{batch.epoch, batch.sequence, static_cast<std::uint32_t>(i)}, row.event.job, {}};
    entry.bytes = net::format_sse({entry.id.text(), row.event.type, event_text(row, batch.time)});
    bytes_ += entry.bytes.size();
    entries_.push_back(std::move(entry));
  }
  // Readers get all of the batch before anything of it is forgotten.
  for (auto reader = readers_.begin(); reader != readers_.end();) {
    std::string bytes;
    for (std::size_t i = before; i < entries_.size(); ++i) {
      if (!reader->job || entries_[i].job == *reader->job) bytes += entries_[i].bytes;
    }
    reader = reader->stream->write(bytes) ? std::next(reader) : readers_.erase(reader);
  }
  while (entries_.size() > kEventsMax || bytes_ > kBytesMax) {
    bytes_ -= entries_.front().bytes.size();
    forgotten_ = entries_.front().id;
    entries_.pop_front();
    ++first_;
  }
}

std::optional<EventHub::Position> EventHub::after(EventId id) const {
  if (forgotten_ && id == *forgotten_) return first_;
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), id,
                                      [](const Entry& entry, const EventId& wanted) { return entry.id < wanted; });
  if (found == entries_.end() || found->id != id) return std::nullopt;
  return first_ + static_cast<Position>(found - entries_.begin()) + 1;
}

std::optional<EventId> EventHub::last_id() const {
  return entries_.empty() ? forgotten_ : std::optional<EventId>(entries_.back().id);
}

void EventHub::attach(const net::Responder& respond, std::string opening, Position from, std::optional<JobId> job) {
  net::HttpResponse head;
  head.content_type = "text/event-stream";
  head.headers.emplace_back("Cache-Control", "no-store");
  head.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold events back
  head.body = std::move(opening);
  for (Position i = std::max(from, first_); i < end(); ++i) {
    const Entry& entry = entries_[i - first_];
    if (!job || entry.job == *job) head.body += entry.bytes;
  }
  readers_.push_back({respond.start_stream(std::move(head)), job});
  if (!keep_alive_.pending()) {
    keep_alive_ = loop_.call_after(kKeepAliveInterval, [this] { send_keep_alive(); });
  }
}

void EventHub::send_keep_alive() {
  const std::string comment = net::sse_keep_alive();
  readers_.remove_if([&](const Reader& reader) { return !reader.stream->write(comment); });
  if (!readers_.empty()) keep_alive_ = loop_.call_after(kKeepAliveInterval, [this] { send_keep_alive(); });
}

void EventHub::close_all() {
  for (const Reader& reader : readers_) reader.stream->close();
  readers_.clear();
  keep_alive_.cancel();
}

}  // namespace framemill::scheduler
