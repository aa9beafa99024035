#include "worker/daemon/link_check.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>

#include "net/event_loop.h"
#include "net/secure_dealer.h"

namespace framemill::worker {
namespace {

constexpr base::Duration kPatience = base::seconds(8);  // a handshake without an answer is given up after 5

base::Error refused(const std::string& said) {
  return {"link.refused", said, "key_file",
          "append the line of this host's worker.key.pub to the scheduler's workers_file, and reload the scheduler"};
}

base::Error not_trusted(const std::string& said, const DaemonSetup& setup) {
  return {"link.not_trusted", said, "scheduler_key_file",
          fmt::format("copy the scheduler's scheduler.key.pub to {}", setup.config.scheduler_key_file.string())};
}

}  // namespace

base::Result<LinkCheck> check_link(const DaemonSetup& setup) {
  net::EventLoop loop;
  net::SecureDealerOptions options;
  options.endpoint = setup.config.scheduler;
  options.keys = setup.keys;
  options.server_key = setup.scheduler_key;
  std::optional<net::LinkState> state;
  std::string said;
  const auto on_link = [&](net::LinkState now, const std::string& text) {
    state = now;
    said = text;
    // These two may still become something else.
    if (now != net::LinkState::Disconnected && now != net::LinkState::EndedEarly) loop.stop();
  };
  FM_ASSIGN(const std::unique_ptr<net::SecureDealer> dealer,
            net::SecureDealer::open(loop, std::move(options), {[](std::string_view) {}, on_link}));
  const net::Timer patience = loop.call_after(kPatience, [&] { loop.stop(); });
  loop.run();
  if (state == net::LinkState::Refused) return refused(said);
  // A server that has another key than the one expected cannot read what we say, and closes without a word.
  if (state == net::LinkState::NotTrusted || state == net::LinkState::EndedEarly) return not_trusted(said, setup);
  return state == net::LinkState::Connected ? LinkCheck::LetsUsIn : LinkCheck::NoAnswer;
}

}  // namespace framemill::worker
