// Private to the room: answers ZeroMQ's authentication questions (ZAP, rfc.zeromq.org/spec/27) for one context and
// counts what happens to its peers, on a thread of its own. Listed CURVE keys of our domain get in and become the
// User-Id of their messages; everybody else is refused with 400, which the client can tell from a broken connection.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/repeat_limit.h"
#include "net/curve_keys.h"
#include "net/zmq_socket.h"

namespace framemill::net {

constexpr std::string_view kZapDomain = "framemill";

class ZapGuard {
 public:
  struct Counters {
    std::atomic<std::uint64_t> admitted{0}, refused_key{0}, refused_handshake{0}, closed{0};
  };

  // Must be open before the first socket of the context binds. `monitor` (may be none) is the guarded socket's event
  // PAIR.
  static base::Result<std::unique_ptr<ZapGuard>> start(zmq::context_t& context, zmq::socket_t monitor,
                                                       std::vector<CurvePublicKey> allowed);
  ~ZapGuard();

  void allow_only(std::vector<CurvePublicKey> keys);
  bool allows(const CurvePublicKey& key) const;
  const Counters& counters() const { return counters_; }
  // From now on refused keys are logged: before, the only one who knocks is the self-test.
  void log_refusals() { logs_refusals_ = true; }

 private:
  ZapGuard() = default;
  void run();
  void answer_question();
  void note_refused(const CurvePublicKey& key, const std::string& address);
  void count_events();

  zmq::socket_t questions_;    // REP at inproc://zeromq.zap.01, the guard's thread
  zmq::socket_t monitor_;      // the guard's thread
  zmq::socket_t stop_inside_;  // the guard's thread
  zmq::socket_t stop_;         // the owner's thread
  mutable std::mutex mutex_;
  std::set<CurvePublicKey> allowed_;
  base::RepeatLimit refusals_;  // the guard's thread
  std::atomic<bool> logs_refusals_{false};
  Counters counters_;
  std::thread thread_;
};

}  // namespace framemill::net
