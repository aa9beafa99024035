#include "net/zap_guard.h"

#include <cstring>

namespace framemill::net {

base::Result<std::unique_ptr<ZapGuard>> ZapGuard::start(const ZmqContext& context, ZmqSocket monitor,
                                                        std::vector<CurvePublicKey> allowed) {
  std::unique_ptr<ZapGuard> guard(new ZapGuard);
  guard->allow_only(std::move(allowed));
  guard->monitor_ = std::move(monitor);
  guard->questions_ = ZmqSocket(context, ZMQ_REP);
  guard->stop_inside_ = ZmqSocket(context, ZMQ_PAIR);
  guard->stop_ = ZmqSocket(context, ZMQ_PAIR);
  if (!guard->questions_ || !guard->stop_inside_ || !guard->stop_)
    return zmq_failure("make the authentication sockets");
  FM_TRY(guard->questions_.set(ZMQ_LINGER, 0));
  FM_TRY(guard->questions_.bind("inproc://zeromq.zap.01"));
  FM_TRY(guard->stop_inside_.bind("inproc://framemill.zap.stop"));
  FM_TRY(guard->stop_.connect("inproc://framemill.zap.stop"));
  guard->thread_ = std::thread([raw = guard.get()] { raw->run(); });
  return guard;
}

ZapGuard::~ZapGuard() {
  if (!thread_.joinable()) return;
  zmq_send(stop_.get(), "", 0, 0);
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
  zmq_pollitem_t items[3] = {
      {stop_inside_.get(), 0, ZMQ_POLLIN, 0}, {questions_.get(), 0, ZMQ_POLLIN, 0}, {monitor_.get(), 0, ZMQ_POLLIN, 0}};
  const int count = monitor_ ? 3 : 2;
  while (true) {
    if (zmq_poll(items, count, -1) < 0) {
      if (zmq_errno() == EINTR) continue;
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
  ZmqPart part;
  do {
    if (!part.receive(questions_, ZMQ_DONTWAIT)) return;
    parts.emplace_back(part.bytes());
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
  if (!good) counters_.refused_key.fetch_add(1, std::memory_order_relaxed);
  const std::string user = good ? key.z85() : std::string();
  const std::string_view reply[] = {"1.0", parts[1], good ? "200" : "400", good ? "OK" : "key not allowed", user, ""};
  for (std::size_t i = 0; i < std::size(reply); ++i) {
    zmq_send(questions_.get(), reply[i].data(), reply[i].size(), i + 1 < std::size(reply) ? ZMQ_SNDMORE : 0);
  }
}

void ZapGuard::count_events() {
  for (int i = 0; i < 256; ++i) {
    const auto event = receive_zmq_event(monitor_);
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
