#include "net/sse.h"

#include <catch2/catch.hpp>
#include <vector>

namespace framemill::net {

namespace {

std::vector<SseEvent> parse(SseParser& parser, std::string_view bytes, std::size_t piece = 1 << 20) {
  std::vector<SseEvent> events;
  for (std::size_t i = 0; i < bytes.size(); i += piece) {
    auto fed = parser.feed(bytes.substr(i, piece), [&](const SseEvent& event) {
      events.push_back(event);
      return true;
    });
    REQUIRE(fed.ok());
  }
  return events;
}

}  // namespace

TEST_CASE("an event is read as it was written, in pieces of any size") {
  const SseEvent event{"17-3", "job", "{\"a\":1}\nsecond line\n\nfourth"};
  const std::string bytes = sse_keep_alive() + format_sse(event) + sse_keep_alive() + format_sse({"", "", "x"});
  for (std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    SseParser parser;
    const auto events = parse(parser, bytes, piece);
    REQUIRE(events.size() == 2);
    CHECK(events[0].id == event.id);
    CHECK(events[0].event == event.event);
    CHECK(events[0].data == event.data);
    CHECK(events[1].data == "x");
    CHECK(events[1].event.empty());
    CHECK(events[1].id == "17-3");  // the last id stays until another comes
    CHECK(parser.last_id() == "17-3");
  }
}

TEST_CASE("no value can forge an event or a field") {
  SseParser parser;
  const auto events = parse(parser, format_sse({"1\nevent: evil", "job\r\n\r\ndata: evil", "a\r\rdata: b\r\nid: 9"}));
  REQUIRE(events.size() == 1);
  CHECK(events[0].id == "1event: evil");
  CHECK(events[0].event == "jobdata: evil");
  CHECK(events[0].data == "a\n\ndata: b\nid: 9");
}

TEST_CASE("all three line ends of the standard are understood, also cut in two") {
  for (std::size_t piece : {1u, 100u}) {
    SseParser parser;
    const auto events = parse(parser,
                              "\xEF\xBB\xBF"
                              "data: a\r\n\r\ndata: b\r\rdata:c\n\nevent: only\n\n: comment\nretry: 5\nid\ndata\n\n",
                              piece);
    REQUIRE(events.size() == 4);
    CHECK(events[0].data == "a");
    CHECK(events[1].data == "b");
    CHECK(events[2].data == "c");
    CHECK(events[3].data.empty());
    CHECK(events[3].event.empty());  // an event without data was dropped whole
  }
}

TEST_CASE("a line or an event that never ends is an error, not memory") {
  const auto keep = [](const SseEvent&) { return true; };
  SseParser line(1000);
  CHECK(line.feed("data: " + std::string(900, 'x'), keep).ok());
  CHECK(line.feed(std::string(200, 'x'), keep).error().code == "sse.too_large");
  SseParser event(1000);
  bool failed = false;
  for (int i = 0; i < 100 && !failed; ++i) failed = !event.feed("data: " + std::string(50, 'y') + "\n", keep).ok();
  CHECK(failed);
}

TEST_CASE("a reader that has seen enough stops the parser") {
  SseParser parser;
  int seen = 0;
  auto fed = parser.feed("data: 1\n\ndata: 2\n\ndata: 3\n\n", [&](const SseEvent&) { return ++seen < 2; });
  REQUIRE(fed.ok());
  CHECK_FALSE(*fed);
  CHECK(seen == 2);
}

}  // namespace framemill::net
