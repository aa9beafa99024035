#include "net/zap_guard.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"

namespace framemill::net {

base::Result<std::unique_ptr<ZapGuard>> ZapGuard::start(zmq::context_t& context, zmq::socket_t monitor,
                                                        std::vector<CurvePublicKey> allowed) {
  std::unique_ptr<ZapGuard> guard(new ZapGuard);
  guard->allow_only(std::move(allowed));
  guard->monitor_ = std::move(monitor);
  FM_ASSIGN(guard->questions_, make_socket(context, zmq::socket_type::rep));
  FM_ASSIGN(guard->stop_inside_, make_socket(context, zmq::socket_type::pair));
  FM_ASSIGN(guard->stop_, make_socket(context, zmq::socket_type::pair));
  FM_TRY(try_zmq("set the guard's options", [&] { guard->questions_.set(zmq::sockopt::linger, 0); }));
  FM_TRY(bind_to(guard->questions_, "inproc://zeromq.zap.01"));
  FM_TRY(bind_to(guard->stop_inside_, "inproc://framemill.zap.stop"));
  FM_TRY(connect_to(guard->stop_, "inproc://framemill.zap.stop"));
  guard->thread_ = std::thread([raw = guard.get()] { raw->run(); });
  return guard;
}

ZapGuard::~ZapGuard() {
  if (!thread_.joinable()) return;
  // Where the message cannot be sent the context is ending, which ends the thread as well.
  (void)try_zmq("stop the guard", [&] { stop_.send(zmq::const_buffer(), zmq::send_flags::none); });
  thread_.join();
}

void ZapGuard::allow_only(std::vector<CurvePublicKey> keys) {
  std::set<CurvePublicKey> allowed(keys.begin(), keys.end());
  std::lock_guard lock(mutex_);
  allowed_.swap(allowed);
}

bool ZapGuard::allows(const CurvePublicKey& key) const {
  std::lock_guard lock(mutex_);
  return allowed_.count(key) != 0;
}

void ZapGuard::run() {
  zmq::pollitem_t items[3] = {{stop_inside_.handle(), 0, ZMQ_POLLIN, 0},
                              {questions_.handle(), 0, ZMQ_POLLIN, 0},
                              {monitor_.handle(), 0, ZMQ_POLLIN, 0}};
  const std::size_t count = monitor_ ? 3 : 2;
  while (true) {
    try {
      zmq::poll(items, count, std::chrono::milliseconds(-1));
    } catch (const zmq::error_t& error) {
      if (error.num() == EINTR) continue;
      return;  // the context is ending
    }
    if (items[0].revents != 0) return;
    if (items[1].revents != 0) answer_question();
    if (count == 3 && items[2].revents != 0) count_events();
  }
}

// Request: version, request id, domain, address, identity, mechanism, credentials (for CURVE the 32 bytes of the key).
// Reply: version, request id, status, text, user id, metadata.
void ZapGuard::answer_question() {
  std::vector<std::string> parts;
  zmq::message_t part;
  do {
    if (!receive_part(questions_, part)) return;
    parts.emplace_back(part.to_string_view());
  } while (part.more());
  // Questions come from the library inside this process; a short one is answered like a wrong one.
  parts.resize(std::max<std::size_t>(parts.size(), 7));
  CurvePublicKey key;
  bool good = parts.size() == 7 && parts[0] == "1.0" && parts[2] == kZapDomain && parts[5] == "CURVE" &&
              parts[6].size() == key.bytes.size();
  if (good) {
    std::memcpy(key.bytes.data(), parts[6].data(), key.bytes.size());
    good = allows(key);
  }
  if (!good) {
    counters_.refused_key.fetch_add(1, std::memory_order_relaxed);
    if (logs_refusals_) note_refused(key, parts[3]);
  }
  const std::string user = good ? key.z85() : std::string();
  const std::string_view reply[] = {"1.0", parts[1], good ? "200" : "400", good ? "OK" : "key not allowed", user, ""};
  for (std::size_t i = 0; i < std::size(reply); ++i) {
    const bool last = i + 1 == std::size(reply);
    (void)try_zmq("answer", [&] {
      questions_.send(zmq::buffer(reply[i]), last ? zmq::send_flags::none : zmq::send_flags::sndmore);
    });
  }
}

// A worker that is not on the list tries again every few seconds.
void ZapGuard::note_refused(const CurvePublicKey& key, const std::string& address) {
  const std::string who = key == CurvePublicKey() ? "a peer without a key" : "the key " + key.z85();
  const auto kept_back = refusals_.may_say(who + address, base::monotonic_now());
  if (!kept_back) return;
  base::log_warning("link", "refused {} at {}: it is not among the workers' keys{}", who, address,
                    *kept_back == 0 ? "" : fmt::format(" ({} more times)", *kept_back));
}

void ZapGuard::count_events() {
  for (int i = 0; i < 256; ++i) {
    const auto event = next_event(monitor_);
    if (!event) return;
    switch (event->event) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        counters_.admitted.fetch_add(1, std::memory_order_relaxed);
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        counters_.refused_handshake.fetch_add(1, std::memory_order_relaxed);
        break;
      case ZMQ_EVENT_DISCONNECTED:
        counters_.closed.fetch_add(1, std::memory_order_relaxed);
        break;
      default:
        break;
    }
  }
}

}  // namespace framemill::net
