#include <atomic>
#include <ctime>
#include <list>

#include "api_fixture.h"
#include "base/clock.h"
#include "net/raw_socket.h"

namespace framemill::scheduler {

using testing::ApiFixture;
using testing::contract;
using testing::eventually;

namespace {

constexpr std::uint32_t kEpoch = 7;

EventBatch batch_of(std::uint64_t sequence, std::initializer_list<JobId> jobs, std::uint32_t epoch = kEpoch) {
  EventBatch batch{epoch, sequence, {1'795'000'000'000}, {}};
  for (const JobId job : jobs) {
    const LayerEvent event{LayerEvent::What::TasksPublished, job, 0, "job " + std::to_string(job.value), {}};
    batch.events.push_back({event, "hb_0010", ""});
  }
  return batch;
}

// Reads the stream on a thread of its own until it has `wanted` events.
struct Reader {
  std::mutex mutex;
  std::vector<net::SseEvent> events;
  std::atomic<bool> enough{false};
  std::string end;
  std::thread thread;

  Reader(ApiFixture& fixture, const std::string& query, const std::string& last_id, const std::string& who = "vic") {
    net::HttpHeaders headers{{"Authorization", "Bearer token-of-" + who}};
    if (!last_id.empty()) headers.emplace_back("Last-Event-ID", last_id);
    thread = std::thread([this, client = fixture.client(), headers, query]() mutable {
      auto result =
          client.stream({"GET", "/api/v1/events" + query, headers, "", ""}, [this](const net::SseEvent& event) {
            std::lock_guard lock(mutex);
            events.push_back(event);
            return !enough;
          });
      std::lock_guard lock(mutex);
      end = result.ok() ? "ok" : result.error().code;
    });
  }
  ~Reader() { thread.join(); }
  std::size_t count() {
    std::lock_guard lock(mutex);
    return events.size();
  }
  std::string ids() {
    std::lock_guard lock(mutex);
    std::string all;
    for (const auto& event : events) all += (all.empty() ? "" : " ") + event.id;
    return all;
  }
};

std::size_t readers(ApiFixture& fixture) {
  // The stream is attached once its first bytes are there; a new reader is seen by the events it gets.
  return fixture.thread.on_loop([&] { return fixture.api->open_streams(); });
}

}  // namespace

TEST_CASE("readers get every event in order, as the schema says") {
  ApiFixture fixture;
  Reader reader(fixture, "", "");
  REQUIRE(eventually([&] { return readers(fixture) == 1; }));
  fixture.api->publish(batch_of(5, {JobId(1), JobId(2)}));
  fixture.api->publish(batch_of(9, {JobId(1)}));
  REQUIRE(eventually([&] { return reader.count() == 3; }));
  CHECK(reader.ids() == "7.5-0 7.5-1 7.9-0");
  const auto& schema = contract().document().at_pointer("/components/schemas/Event");
  for (const auto& event : reader.events) {
    CHECK(event.event == "layer");
    const auto body = json::parse(event.data);
    for (const auto& finding : contract().check(schema, body)) FAIL_CHECK(finding);
    CHECK(body.at("layer") == "hb_0010");
    CHECK(body.at("worker").is_null());
  }
  reader.enough = true;
  fixture.api->publish(batch_of(10, {JobId(1)}));
}

TEST_CASE("a reader that comes back resumes after its last event") {
  ApiFixture fixture;
  for (std::uint64_t i = 1; i <= 5; ++i) fixture.api->publish(batch_of(i, {JobId(1), JobId(2)}));
  Reader reader(fixture, "", "7.3-0");
  CHECK(eventually([&] { return reader.ids() == "7.3-1 7.4-0 7.4-1 7.5-0 7.5-1"; }));
  Reader latest(fixture, "", "7.5-1");
  REQUIRE(eventually([&] { return readers(fixture) == 2; }));
  fixture.api->publish(batch_of(6, {JobId(1)}));
  CHECK(eventually([&] { return latest.ids() == "7.6-0"; }));
  reader.enough = latest.enough = true;
  fixture.api->publish(batch_of(7, {JobId(1)}));
}

TEST_CASE("a reader of one job gets its events alone") {
  ApiFixture fixture;
  fixture.api->publish(batch_of(1, {JobId(1), JobId(2)}));
  Reader reader(fixture, "?job=2", "7.1-0");
  REQUIRE(eventually([&] { return readers(fixture) == 1; }));
  fixture.api->publish(batch_of(2, {JobId(1), JobId(2), JobId(1)}));
  CHECK(eventually([&] { return reader.ids() == "7.1-1 7.2-1"; }));
  reader.enough = true;
  fixture.api->publish(batch_of(3, {JobId(2)}));
}

TEST_CASE("a new reader gets nothing of what was before, but the id at which it could resume") {
  ApiFixture fixture;
  fixture.api->publish(batch_of(4, {JobId(1)}));
  net::testing::RawSocket socket(fixture.api->port());
  socket.send("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-of-vic\r\n\r\n");
  const std::string opening = socket.receive("id: 7.4-0\n\n");
  CHECK(opening.find("id: 7.4-0\n\n") != std::string::npos);
  CHECK(opening.find("data:") == std::string::npos);
  CHECK(opening.find("Content-Type: text/event-stream\r\n") != std::string::npos);
}

TEST_CASE("too old an id, and one of another history, get a resync with a snapshot and then go on") {
  ApiFixture fixture;
  fixture.api->publish(batch_of(4, {JobId(1)}));
  Reader old(fixture, "", "7.2-0"), ahead(fixture, "", "7.9-0");
  REQUIRE(eventually([&] { return old.count() == 1 && ahead.count() == 1; }));
  fixture.api->publish(batch_of(5, {JobId(1)}));
  CHECK(eventually([&] { return old.ids() == "7.4-0 7.5-0" && ahead.ids() == "7.4-0 7.5-0"; }));
  const auto& schema = contract().document().at_pointer("/components/schemas/Event");
  const auto first = json::parse(old.events[0].data);
  for (const auto& finding : contract().check(schema, first)) FAIL_CHECK(finding);
  CHECK(old.events[0].event == "resync");
  CHECK(first.at("what") == "TooOld");
  CHECK(json::parse(ahead.events[0].data).at("what") == "HistoryLost");
  CHECK(first.at("snapshot").at("jobs").as_array().size() == 3);
  CHECK(first.at("snapshot").at("workers").as_array().size() == 2);
  old.enough = ahead.enough = true;
  fixture.api->publish(batch_of(6, {JobId(1)}));
}

TEST_CASE("a snapshot that would be too large is left out") {
  ApiFixture fixture;
  {
    std::lock_guard lock(fixture.farm.mutex);
    for (std::uint32_t i = 10; i < 400; ++i) fixture.farm.job_list.push_back(testing::sample_job(JobId(i), "ana"));
  }
  Reader reader(fixture, "", "7.2-0");
  REQUIRE(eventually([&] { return reader.count() == 1; }));
  CHECK(json::parse(reader.events[0].data).at("snapshot").is_null());
  reader.enough = true;
  fixture.api->publish(batch_of(6, {JobId(1)}));
}

TEST_CASE("the memory of events is bounded, and what was forgotten is known") {
  ApiFixture fixture;
  for (std::uint64_t i = 1; i <= EventHub::kEventsMax + 10; ++i) fixture.api->publish(batch_of(i, {JobId(1)}));
  Reader forgotten(fixture, "?job=2", "7.9-0"), kept(fixture, "?job=2", "7.10-0");
  REQUIRE(eventually([&] { return forgotten.count() == 1 && readers(fixture) == 2; }));
  CHECK(forgotten.events[0].event == "resync");
  CHECK(kept.count() == 0);
  forgotten.enough = kept.enough = true;
  fixture.api->publish(batch_of(90'000, {JobId(2)}));
}

TEST_CASE("an id of an earlier start of the scheduler is never taken for one of this") {
  ApiFixture fixture;
  // Sequence 4 came before the restart too, in a turn that changed no record: other events stood under it.
  fixture.api->publish(batch_of(4, {JobId(1), JobId(2)}));
  Reader before(fixture, "", "6.4-0"), after(fixture, "", "8.1-0"), old_form(fixture, "", "4-0"),
      own(fixture, "", "7.4-0");
  REQUIRE(eventually([&] { return before.count() == 1 && after.count() == 1 && old_form.count() == 1; }));
  fixture.api->publish(batch_of(5, {JobId(1)}));
  CHECK(eventually([&] { return before.ids() == "7.4-1 7.5-0" && after.ids() == before.ids(); }));
  CHECK(eventually([&] { return old_form.ids() == before.ids() && own.ids() == "7.4-1 7.5-0"; }));
  CHECK(json::parse(before.events[0].data).at("what") == "TooOld");
  CHECK(json::parse(old_form.events[0].data).at("what") == "TooOld");
  CHECK(json::parse(after.events[0].data).at("what") == "HistoryLost");
  CHECK(before.events[0].event == "resync");
  CHECK(own.events[0].event == "layer");
  before.enough = after.enough = old_form.enough = own.enough = true;
  fixture.api->publish(batch_of(6, {JobId(1)}));
}

TEST_CASE("an id that is none is refused, and so is a stranger") {
  ApiFixture fixture;
  for (const char* bad : {"x", "1", "1-", "-1", "1-2-3", "1-2x", "99999999999999999999-1", ".1-2", "1.", "1.2",
                          "1.2.3-4", "x.1-2", "4294967296.1-2"}) {
    CHECK(fixture.code_of(fixture.call("vic", "GET", "/api/v1/events", "", {{"Last-Event-ID", bad}})) ==
          "400 request.bad_parameter");
  }
  CHECK(fixture.code_of(fixture.call("", "GET", "/api/v1/events")) == "401 auth.missing");
}

TEST_CASE("a stream ends when its token is taken away, and the others go on") {
  ApiFixture fixture;
  Reader vic(fixture, "", ""), ana(fixture, "", "", "ana");
  REQUIRE(eventually([&] { return readers(fixture) == 2; }));
  const bool same_digest = GENERATE(false, true);  // the same token may be given to somebody else
  std::vector<TokenEntry> left{{"ana", Role::Viewer, base::sha256("token-of-ana"), std::nullopt}};
  if (same_digest) left.push_back({"somebody", Role::Admin, base::sha256("token-of-vic"), std::nullopt});
  fixture.api->use_tokens(TokenTable(left));
  REQUIRE(eventually([&] {
    std::lock_guard lock(vic.mutex);
    return vic.end == "net.closed";
  }));
  CHECK(readers(fixture) == 1);
  fixture.api->publish(batch_of(5, {JobId(1)}));
  CHECK(eventually([&] { return ana.count() == 1; }));
  CHECK(vic.count() == 0);
  ana.enough = true;
  fixture.api->publish(batch_of(6, {JobId(1)}));
}

TEST_CASE("a stream ends at the moment its token does") {
  ApiFixture fixture;
  const base::WallTime now = base::wall_now();
  const auto entry = [&](const char* who, std::optional<base::WallTime> expires) {
    return TokenEntry{who, Role::Viewer, base::sha256(std::string("token-of-") + who), expires};
  };
  fixture.api->use_tokens(TokenTable(
      {entry("vic", base::WallTime{now.unix_ms + 2000}), entry("ana", base::WallTime{now.unix_ms + 3'600'000})}));
  Reader vic(fixture, "", ""), ana(fixture, "", "", "ana");
  REQUIRE(eventually([&] { return readers(fixture) == 2; }));
  const std::clock_t busy_before = std::clock();
  const base::Instant since = base::monotonic_now();
  REQUIRE(eventually([&] {
    std::lock_guard lock(vic.mutex);
    return vic.end == "net.closed";
  }));
  CHECK(base::wall_now().unix_ms >= now.unix_ms + 2000);
  // It waits for that moment: the processor does nothing meanwhile.
  const auto busy_ms = static_cast<std::int64_t>(std::clock() - busy_before) * 1000 / CLOCKS_PER_SEC;
  CHECK(busy_ms <= (base::monotonic_now() - since).ms / 8);
  CHECK(readers(fixture) == 1);
  ana.enough = true;
  fixture.api->publish(batch_of(5, {JobId(1)}));
}

TEST_CASE("one token has a bound of event streams, and another still gets one") {
  net::HttpLimits limits;
  limits.connections_per_client_max = 100;
  ApiFixture fixture(limits);
  std::list<net::testing::RawSocket> streams;
  const auto ask = [&](const std::string& who) {
    streams.emplace_back(fixture.api->port());
    streams.back().send("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-of-" + who + "\r\n\r\n");
    return streams.back().receive("\r\n\r\n").substr(0, 12);
  };
  for (std::size_t i = 0; i < EventHub::kReadersPerTokenMax; ++i) REQUIRE(ask("vic") == "HTTP/1.1 200");
  CHECK(ask("vic") == "HTTP/1.1 429");
  CHECK(ask("ana") == "HTTP/1.1 200");
}

TEST_CASE("a stop ends the streams") {
  ApiFixture fixture;
  Reader reader(fixture, "", "");
  REQUIRE(eventually([&] { return readers(fixture) == 1; }));
  std::atomic<bool> stopped{false};
  fixture.thread.on_loop([&] { fixture.api->stop(base::seconds(5), [&] { stopped = true; }); });
  CHECK(eventually([&] { return stopped.load(); }));
  CHECK(eventually([&] {
    std::lock_guard lock(reader.mutex);
    return reader.end == "net.closed";
  }));
}

}  // namespace framemill::scheduler
