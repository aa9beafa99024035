#include "bench/curve_round_trips.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/event_loop.h"
#include "net/secure_dealer.h"
#include "net/secure_router.h"

namespace framemill::bench {
namespace {

constexpr std::size_t kMessageBytes = 200;

}  // namespace

base::Result<double> curve_round_trips_per_second(std::uint32_t dealers, std::uint32_t window,
                                                  std::chrono::milliseconds time) {
  using Clock = std::chrono::steady_clock;
  net::EventLoop router_loop, dealer_loop;
  std::vector<net::CurveKeyPair> keys(dealers);
  net::SecureRouterOptions options;
  options.keys = net::make_curve_key_pair();
  for (net::CurveKeyPair& pair : keys) {
    pair = net::make_curve_key_pair();
    options.allowed.push_back(pair.public_key);
  }
  // Every message under way must find room, as it does in the farm, where a message carries many tasks.
  const std::uint32_t each = std::max(1u, window / dealers);
  options.queue_messages_max = static_cast<int>(each + 16);
  std::unique_ptr<net::SecureRouter> router;
  FM_ASSIGN(router, net::SecureRouter::open(
                        router_loop, options,
                        [&](const net::PeerMessage& message) {
                          static_cast<void>(router->send(message.peer, message.bytes).ok());
                        }));
  std::uint64_t trips = 0, measured_from = 0;
  Clock::time_point started;
  std::uint32_t connected = 0;
  const std::string message(kMessageBytes, 'x');
  std::vector<std::unique_ptr<net::SecureDealer>> ends(dealers);
  net::Timer begin, end;
  double seconds = 0;
  for (std::uint32_t i = 0; i < dealers; ++i) {
    net::SecureDealerOptions dealer;
    dealer.endpoint = router->endpoint();
    dealer.keys = keys[i];
    dealer.server_key = options.keys.public_key;
    dealer.queue_messages_max = options.queue_messages_max;
    const auto on_message = [&, i](std::string_view bytes) {
      ++trips;
      static_cast<void>(ends[i]->send(bytes).ok());
    };
    const auto on_link = [&](net::LinkState state, const std::string&) {
      if (state != net::LinkState::Connected || ++connected < dealers) return;
      for (auto& one : ends)
        for (std::uint32_t n = 0; n < each; ++n) static_cast<void>(one->send(message).ok());
      begin = dealer_loop.call_after(base::milliseconds(200), [&] {
        started = Clock::now();
        measured_from = trips;
        end = dealer_loop.call_after({time.count()}, [&] {
          seconds = std::chrono::duration<double>(Clock::now() - started).count();
          dealer_loop.stop();
        });
      });
    };
    FM_ASSIGN(ends[i], net::SecureDealer::open(dealer_loop, dealer, {on_message, on_link}));
  }
  std::thread thread([&] { router_loop.run(); });
  dealer_loop.run_for({time.count() + 20'000});
  ends.clear();
  router_loop.stop();
  thread.join();
  router.reset();
  if (seconds == 0) return base::Error{"bench.no_connection", "the dealers did not connect within 20 s", "", ""};
  return static_cast<double>(trips - measured_from) / seconds;
}

}  // namespace framemill::bench
