#include "worker/link/scheduler_link.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "net/secure_router.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::worker {
namespace {

constexpr std::uint64_t kIncarnation = 9;

// A worker's link, and a port that answers it as one scheduler or another would.
struct LinkToScheduler {
  net::EventLoop loop;
  net::CurveKeyPair server = net::make_curve_key_pair(), own = net::make_curve_key_pair();
  std::unique_ptr<net::SecureRouter> router;
  std::unique_ptr<SchedulerLink> link;
  net::PeerId peer;
  std::vector<wire::WorkerReport> reports;
  std::vector<Reply> followed;

  LinkToScheduler() {
    net::SecureRouterOptions port;
    port.keys = server;
    port.allowed = {own.public_key};
    router = net::SecureRouter::open(loop, port, [this](const net::PeerMessage& message) {
               peer = message.peer;
               REQUIRE(reports.emplace_back().ParseFromString(std::string(message.bytes)));
             }).value();
    net::SecureDealerOptions options;
    options.endpoint = router->endpoint();
    options.keys = own;
    options.server_key = server.public_key;
    link = SchedulerLink::open(loop, options, kIncarnation,
                               {[this](Reply reply) { followed.push_back(std::move(reply)); }, [] {}})
               .value();
    REQUIRE(run_until([this] { return link->connected(); }));
    report();
  }
  bool run_until(const std::function<bool()>& condition) {
    const base::Instant end = base::monotonic_now() + base::seconds(10);
    while (!condition()) {
      if (base::monotonic_now() > end) return false;
      loop.run_for(base::milliseconds(2));
    }
    return true;
  }
  const wire::WorkerReport& report() {
    const std::size_t before = reports.size();
    Report next;
    next.sequence = before + 1;
    REQUIRE(link->send(next, nullptr, {}).ok());
    REQUIRE(run_until([&] { return reports.size() > before; }));
    return reports.back();
  }
  // Whether the worker follows a reply of the scheduler with this era and so many durable commits.
  bool follows(std::uint64_t nonce, std::uint64_t durable, std::uint64_t incarnation = kIncarnation,
               const std::string& refused = "") {
    wire::SchedulerReply reply;
    reply.set_protocol(wire::kProtocolVersion);
    reply.set_incarnation(incarnation);
    reply.set_epoch(3);
    reply.set_epoch_nonce(nonce);
    reply.set_durable_sequence(durable);
    reply.set_refused(refused);
    const std::size_t before = followed.size();
    REQUIRE(router->send(peer, reply.SerializeAsString()).ok());
    // Replies come in order: a second one, which knows as much as the worker and is followed, shows that the first was
    // seen.
    durable_ = std::max(durable_, durable);
    reply.set_durable_sequence(durable_);
    reply.set_epoch_nonce(1);
    reply.set_incarnation(kIncarnation);
    reply.set_refused("");
    reply.set_acked_report(kMarker);
    REQUIRE(router->send(peer, reply.SerializeAsString()).ok());
    REQUIRE(run_until([&] { return followed.size() > before && followed.back().event.acked_report == kMarker; }));
    return followed.size() - before == 2;
  }

 private:
  static constexpr std::uint64_t kMarker = 77;
  std::uint64_t durable_ = 0;
};

}  // namespace

TEST_CASE("a worker follows its scheduler on, and never one that has lost what the worker knows to be durable") {
  LinkToScheduler worker;
  CHECK(worker.follows(1, 40));
  CHECK(worker.report().acked_durable_sequence() == 40);
  CHECK(worker.follows(1, 39));  // of the same process: a reply that was overtaken
  CHECK(worker.report().acked_durable_sequence() == 40);
  CHECK(worker.follows(2, 40));  // restarted, with everything
  CHECK(worker.follows(2, 41));
  CHECK_FALSE(worker.follows(3, 40));  // put back from a copy
  CHECK_FALSE(worker.follows(3, 0));
  CHECK(worker.report().acked_durable_sequence() == 41);
}

TEST_CASE("a reply to an earlier process of the worker is passed over") {
  LinkToScheduler worker;
  CHECK_FALSE(worker.follows(1, 40, kIncarnation - 1));
  CHECK(worker.follows(1, 40));
}

TEST_CASE("a refusal that speaks of no process gives its reason, and is no word about the farm's state") {
  LinkToScheduler worker;
  CHECK(worker.follows(1, 40));
  CHECK(worker.link->accepted());
  wire::SchedulerReply refusal;
  refusal.set_protocol(wire::kProtocolVersion);
  refusal.set_refused("two processes show this key");
  REQUIRE(worker.router->send(worker.peer, refusal.SerializeAsString()).ok());
  REQUIRE(worker.run_until([&] { return !worker.link->accepted(); }));
  CHECK(worker.report().acked_epoch() == 3);
  CHECK(worker.follows(1, 41));
  CHECK(worker.link->accepted());
}

}  // namespace framemill::worker
