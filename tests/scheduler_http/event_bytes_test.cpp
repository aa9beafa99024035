// The event stream as bytes on disk: what a client parsed once must be written so for ever. New kinds of events are added
// to the golden file, old lines never change. FRAMEMILL_WRITE_GOLDEN=1 writes the file where it is missing.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "api_fixture.h"
#include "base/file.h"
#include "net/raw_socket.h"

namespace framemill::scheduler {
namespace {

using testing::ApiFixture;
using testing::eventually;

constexpr int kFirstJobEvents = 10;

// One event of each kind. The texts have what a text may have: quotes, line breaks, other scripts, what JSON escapes.
EventBatch one_of_each() {
  EventBatch batch{7, 5, {1'795'000'000'000}, {}};
  const jobs::JobId job(12);
  const jobs::WorkerId worker(3);
  for (int i = 0; i < kFirstJobEvents; ++i)
    batch.events.push_back({JobEvent{static_cast<JobEvent::What>(i), job, "a \"name\"\nand a \\", {}}, "", ""});
  for (int i = 0; i < kLayerEventCount; ++i)
    batch.events.push_back(
        {LayerEvent{static_cast<LayerEvent::What>(i), job, 1, "hb_0010: 3 tasks", {}}, "hb_0010", ""});
  for (int i = 0; i < kWorkerEventCount; ++i)
    batch.events.push_back({WorkerEvent{static_cast<WorkerEvent::What>(i), worker, "wörker \x1f"}, "", "wörker"});
  for (int i = 0; i < kAttemptEventCount; ++i)
    batch.events.push_back(
        {AttemptEvent{static_cast<AttemptEvent::What>(i), job, 1, worker, "tasks 0+8", jobs::Outcome::Ok}, "hb_0010",
         "wörker"});
  // What came later stands behind them: each line has its number.
  batch.events.push_back({JobEvent{JobEvent::What::Throttled, job, "limit nuke: 20 of 20 in use", {}}, "", ""});
  batch.events.push_back({LimitEvent{LimitEvent::What::Changed, "nuke: 10 instead of 20: \"lent\""}, "", ""});
  static_assert(kJobEventCount == kFirstJobEvents + 1 && kLimitEventCount == 1, "a new kind of event stands here, too");
  return batch;
}

std::string bytes_sent(const EventBatch& batch) {
  ApiFixture fixture;
  net::testing::RawSocket socket(fixture.api->port());
  socket.send("GET /api/v1/events HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer token-of-vic\r\n\r\n");
  REQUIRE(eventually([&] { return fixture.thread.on_loop([&] { return fixture.api->open_streams(); }) == 1; }));
  fixture.api->publish(batch);
  const std::string last = "id: 7.5-" + std::to_string(batch.events.size() - 1) + "\n";
  std::string bytes = socket.receive(last);
  if (bytes.find(last) == std::string::npos) return bytes;
  if (bytes.find("\n\n", bytes.find(last)) == std::string::npos) bytes += socket.receive("\n\n");
  return bytes.substr(bytes.find("id: 7.5-0\n"));
}

}  // namespace

TEST_CASE("each kind of event is sent byte for byte as it always was") {
  const std::filesystem::path golden =
      std::filesystem::path(FRAMEMILL_SOURCE_DIR) / "tests/scheduler_http/golden/events.sse";
  const std::string sent = bytes_sent(one_of_each());
  if (std::getenv("FRAMEMILL_WRITE_GOLDEN") != nullptr && !std::filesystem::exists(golden))
    REQUIRE(base::write_file_durably(golden, sent).ok());
  const auto before = base::read_file(golden, 1 << 20);
  REQUIRE(before.ok());
  CHECK(sent == *before);
}

}  // namespace framemill::scheduler
