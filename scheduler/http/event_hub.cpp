#include "scheduler/http/event_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "net/net_error.h"
#include "net/sse.h"
#include "scheduler/core/state/refusal.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kKeepAliveInterval = base::seconds(15);
// The wall clock may jump: a token's end is looked for at least this often.
constexpr base::Duration kExpiryInterval = base::seconds(5);

}  // namespace

std::string EventId::text() const {
  return fmt::format("{}.{}-{}", epoch, sequence, index);
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
    Entry entry{{batch.epoch, batch.sequence, static_cast<std::uint32_t>(i)}, job_of(row.event), {}};
    entry.bytes = net::format_sse({entry.id.text(), std::string(type_of(row.event)), event_text(row, batch.time)});
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

base::Status EventHub::attach(const Caller& caller, const net::Responder& respond, std::string opening, Position from,
                              std::optional<JobId> job) {
  // Time may have passed since the request came.
  if (tokens_ && !tokens_->still_lets_in(caller, base::wall_now()))
    return base::Error{"auth.expired", "this token has expired", "", "ask the farm's administrator for a new one"};
  const auto same_token = [&](const Reader& reader) { return reader.caller.token == caller.token; };
  const auto of_token = static_cast<std::size_t>(std::count_if(readers_.begin(), readers_.end(), same_token));
  if (of_token >= kReadersPerTokenMax)
    return base::error_of(net::HttpError::TooManyStreams,
                          fmt::format("this token has {} event streams open already", of_token), "",
                          "close one of them");
  if (readers_.size() >= kReadersMax)
    return base::error_of(Refusal::FarmTooManyStreams, "too many event streams are open", "", "try again later");
  net::HttpResponse head;
  head.content_type = "text/event-stream";
  head.headers.emplace_back("Cache-Control", "no-store");
  head.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold events back
  head.body = std::move(opening);
  for (Position i = std::max(from, first_); i < end(); ++i) {
    const Entry& entry = entries_[i - first_];
    if (!job || entry.job == *job) head.body += entry.bytes;
  }
  readers_.push_back({respond.start_stream(std::move(head)), job, caller});
  if (!keep_alive_.pending()) {
    keep_alive_ = loop_.call_after(kKeepAliveInterval, [this] { send_keep_alive(); });
  }
  await_expiry();
  return {};
}

void EventHub::use_tokens(std::shared_ptr<const TokenTable> tokens) {
  tokens_ = std::move(tokens);
  end_expired();
}

void EventHub::end_expired() {
  readers_.remove_if([&](const Reader& reader) {
    if (!tokens_ || tokens_->still_lets_in(reader.caller, base::wall_now())) return false;
    reader.stream->close();
    return true;
  });
  await_expiry();
}

void EventHub::end_session(const base::Sha256& session) {
  readers_.remove_if([&](const Reader& reader) {
    if (reader.caller.session != session) return false;
    reader.stream->close();
    return true;
  });
}

void EventHub::await_expiry() {
  base::Duration wait = kExpiryInterval;
  bool any = false;
  for (const Reader& reader : readers_) {
    for (const auto& end : {reader.caller.expires, reader.caller.session_ends}) {
      if (!end) continue;
      any = true;
      wait = std::min(wait, base::Duration{end->unix_ms - base::wall_now().unix_ms});
    }
  }
  expiry_.cancel();
  if (any) expiry_ = loop_.call_after(std::max(wait, base::milliseconds(0)), [this] { end_expired(); });
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
  expiry_.cancel();
}

}  // namespace framemill::scheduler
