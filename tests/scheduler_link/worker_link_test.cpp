#include "scheduler/link/worker_link.h"

#include <catch2/catch.hpp>
#include <list>
#include <thread>

#include "base/clock.h"
#include "net/secure_dealer.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::scheduler {
namespace {

constexpr base::Duration kSilence = base::seconds(30);  // nothing here may wait for it

// A process of a worker: a key, an incarnation, and what it was answered.
struct WorkerProcess {
  std::uint64_t incarnation;
  std::uint64_t sequence = 0;
  std::unique_ptr<net::SecureDealer> dealer;
  std::vector<wire::SchedulerReply> replies;

  WorkerProcess(net::EventLoop& loop, const std::string& endpoint, const net::CurvePublicKey& server,
                const net::CurveKeyPair& keys, std::uint64_t number)
      : incarnation(number) {
    net::SecureDealerOptions options;
    options.endpoint = endpoint;
    options.keys = keys;
    options.server_key = server;
    auto opened =
        net::SecureDealer::open(loop, options,
                                {[this](std::string_view bytes) {
                                   wire::SchedulerReply reply;
                                   REQUIRE(reply.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
                                   replies.push_back(std::move(reply));
                                 },
                                 [](net::LinkState, const std::string&) {}});
    REQUIRE(opened.ok());
    dealer = *std::move(opened);
  }
  void report() { report(wire::WorkerReport()); }
  void report(wire::WorkerReport report) {
    report.set_protocol(wire::kProtocolVersion);
    report.set_incarnation(incarnation);
    report.set_sequence(++sequence);
    REQUIRE(dealer->send(report.SerializeAsString()).ok());
  }
  std::string refusal() const { return replies.empty() ? "" : replies.back().refused(); }
};

struct LinkFixture {
  net::EventLoop loop;
  net::CurveKeyPair server = net::make_curve_key_pair(), worker = net::make_curve_key_pair();
  std::unique_ptr<WorkerLink> link;
  std::vector<WorkerReported> reports;
  std::vector<WorkerKeyContested> contested;
  std::list<WorkerProcess> processes;

  LinkFixture() { open(kSilence); }
  void open(base::Duration silence) {
    link.reset();
    net::SecureRouterOptions options;
    options.keys = server;
    options.allowed = {worker.public_key};
    auto opened = WorkerLink::open(loop, std::move(options), silence,
                                   {[this](WorkerReported report) { reports.push_back(std::move(report)); },
                                    [this](WorkerKeyContested event) { contested.push_back(std::move(event)); }});
    REQUIRE(opened.ok());
    link = *std::move(opened);
  }
  bool run_until(const std::function<bool()>& condition) {
    const base::Instant end = base::monotonic_now() + base::seconds(10);
    while (!condition()) {
      if (base::monotonic_now() > end) return false;
      loop.run_for(base::milliseconds(2));
    }
    return true;
  }
  WorkerProcess& start(std::uint64_t incarnation) {
    WorkerProcess& process = processes.emplace_back(loop, link->endpoint(), server.public_key, worker, incarnation);
    REQUIRE(run_until([&] { return process.dealer->connected(); }));
    return process;
  }
  // Reports until the scheduler has heard it, or refuses it.
  bool heard(WorkerProcess& process, const wire::WorkerReport& says = {}) {
    const std::size_t before = reports.size();
    process.replies.clear();
    process.report(says);
    REQUIRE(run_until([&] { return reports.size() > before || !process.refusal().empty(); }));
    return reports.size() > before;
  }
};

TEST_CASE("a second process with a key that is in use is refused and named, and the first keeps its place") {
  LinkFixture farm;
  WorkerProcess& first = farm.start(100);
  REQUIRE(farm.heard(first));
  CHECK(farm.reports.back().address == "127.0.0.1");
  WorkerProcess& second = farm.start(200);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(farm.heard(second));
    CHECK(second.refusal().find("127.0.0.1") != std::string::npos);
    CHECK(farm.heard(first));
  }
  for (const WorkerReported& report : farm.reports) CHECK(report.incarnation == 100);
  REQUIRE(farm.contested.size() == 3);
  CHECK(farm.contested[0].key == farm.worker.public_key.z85());
  CHECK(farm.contested[0].address == "127.0.0.1");
  // Answers go to the first alone, and what it heard meanwhile is for nobody it knows.
  second.replies.clear();
  wire::SchedulerReply reply;
  reply.set_protocol(wire::kProtocolVersion);
  reply.set_incarnation(100);
  CHECK(farm.link->send(farm.worker.public_key.z85(), reply) == WorkerLink::Sent::Yes);
  REQUIRE(farm.run_until([&] { return !first.replies.empty() && first.replies.back().incarnation() == 100; }));
  CHECK(second.replies.empty());
  for (const auto& other : first.replies) CHECK(other.refused().empty());
}

TEST_CASE(
    "a worker that has heard of history that the store lost is told so, shown with the reason, and gets nothing") {
  LinkFixture farm;
  farm.link->know_history({{{{1, 11}, 0}, {{2, 22}, 50}}, 0});
  WorkerProcess& process = farm.start(100);
  wire::WorkerReport says;
  says.set_acked_epoch(1);
  says.set_acked_epoch_nonce(11);
  says.set_acked_durable_sequence(70);
  says.mutable_inventory()->set_name("w1");
  wire::Device& device = *says.mutable_inventory()->add_devices();
  device.set_id("cpu0");
  device.set_kind("cpu");
  device.set_memory_bytes_total(1 << 30);
  device.set_memory_bytes_budget(1 << 30);
  device.set_cpus(1);
  auto* slot = says.mutable_inventory()->add_slots();
  slot->set_name("cpu0");
  slot->set_usable(true);
  says.add_running()->mutable_attempt()->set_counter(7);
  farm.heard(process, says);
  REQUIRE(farm.run_until([&] { return !process.refusal().empty() && !farm.reports.empty(); }));
  CHECK(process.refusal().find("lost history") != std::string::npos);
  const WorkerReported& shown = farm.reports.back();
  REQUIRE(shown.inventory);
  CHECK(shown.inventory->name == "w1");
  REQUIRE(shown.inventory->slots.size() == 1);
  CHECK_FALSE(shown.inventory->slots[0].usable);
  REQUIRE(shown.inventory->conditions.size() == 1);
  CHECK(shown.inventory->conditions[0].code == "host.history");
  CHECK(shown.running.empty());
  wire::SchedulerReply reply;
  reply.set_protocol(wire::kProtocolVersion);
  CHECK(farm.link->send(farm.worker.public_key.z85(), reply) == WorkerLink::Sent::Gone);

  // The operator accepts the loss: the same worker is let in, and hears of the era with each reply.
  farm.link->know_history({{{{1, 11}, 0}, {{2, 22}, 50}}, 1'000});
  CHECK(farm.heard(process, says));
  CHECK(farm.reports.back().inventory->slots[0].usable);
  CHECK(farm.reports.back().inventory->conditions.empty());
  reply.set_incarnation(100);
  process.replies.clear();
  CHECK(farm.link->send(farm.worker.public_key.z85(), reply) == WorkerLink::Sent::Yes);
  REQUIRE(farm.run_until([&] { return !process.replies.empty(); }));
  CHECK(process.replies.back().incarnation() == 100);
  CHECK(process.replies.back().era() == 1'000);
}

TEST_CASE("a restarted worker whose former process has gone is heard at once") {
  LinkFixture farm;
  WorkerProcess& first = farm.start(100);
  REQUIRE(farm.heard(first));
  first.dealer.reset();
  WorkerProcess& second = farm.start(200);
  CHECK(farm.heard(second));
  CHECK(farm.reports.back().incarnation == 200);
  CHECK(farm.contested.empty());
}

TEST_CASE("the second process takes the place as soon as the first has gone") {
  LinkFixture farm;
  WorkerProcess& first = farm.start(100);
  REQUIRE(farm.heard(first));
  WorkerProcess& second = farm.start(200);
  CHECK_FALSE(farm.heard(second));
  first.dealer.reset();
  const base::Instant start = base::monotonic_now();
  while (!farm.heard(second)) {
    REQUIRE(base::monotonic_now() - start < kSilence / 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(farm.reports.back().incarnation == 200);
}

TEST_CASE("a process that is connected and silent for too long loses its place, and is refused when it wakes up") {
  LinkFixture farm;
  farm.open(base::milliseconds(200));
  WorkerProcess& first = farm.start(100);
  REQUIRE(farm.heard(first));
  WorkerProcess& second = farm.start(200);
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  CHECK(farm.heard(second));
  CHECK_FALSE(farm.heard(first));
  CHECK(farm.heard(second));
}

TEST_CASE("the same process is heard again over a new connection") {
  LinkFixture farm;
  WorkerProcess& first = farm.start(100);
  REQUIRE(farm.heard(first));
  WorkerProcess& again = farm.start(100);
  CHECK(farm.heard(again));
  CHECK(farm.contested.empty());
}

TEST_CASE("after a start of the scheduler the process on record comes first for a while") {
  LinkFixture farm;
  farm.link->expect(farm.worker.public_key.z85(), 100);
  WorkerProcess& other = farm.start(200);
  CHECK_FALSE(farm.heard(other));
  WorkerProcess& known = farm.start(100);
  CHECK(farm.heard(known));
  CHECK_FALSE(farm.heard(other));
}

TEST_CASE("a worker whose key is taken away is neither heard nor answered") {
  LinkFixture farm;
  WorkerProcess& process = farm.start(100);
  REQUIRE(farm.heard(process));
  const std::size_t before = farm.reports.size();
  farm.link->allow_only({net::make_curve_key_pair().public_key});
  process.replies.clear();
  process.report();
  farm.loop.run_for(base::milliseconds(300));
  CHECK(farm.reports.size() == before);
  CHECK(process.replies.empty());
  wire::SchedulerReply reply;
  reply.set_protocol(wire::kProtocolVersion);
  CHECK(farm.link->send(farm.worker.public_key.z85(), reply) == WorkerLink::Sent::Gone);
  farm.link->allow_only({farm.worker.public_key});
  CHECK(farm.heard(process));
}

}  // namespace
}  // namespace framemill::scheduler
