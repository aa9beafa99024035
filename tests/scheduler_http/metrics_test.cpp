#include "api_fixture.h"

namespace framemill::scheduler {

using testing::ApiFixture;

TEST_CASE("/metrics wants a viewer's token unless the configuration opens it to this host") {
  ApiFixture closed;
  CHECK(closed.code_of(closed.call("", "GET", "/metrics")) == "401 auth.missing");
  const auto seen = closed.call("vic", "GET", "/metrics");
  CHECK(seen.status == 200);
  CHECK(seen.content_type == "text/plain; version=0.0.4; charset=utf-8");

  MetricsOptions open;
  open.loopback_without_token = true;
  ApiFixture fixture({}, open);
  CHECK(fixture.call("", "GET", "/metrics").status == 200);
  // A proxy on this host asks for somebody else.
  CHECK(fixture.code_of(fixture.call("", "GET", "/metrics", "", {{"X-Forwarded-For", "10.0.0.1"}})) ==
        "401 auth.missing");
  CHECK(fixture.code_of(fixture.call("", "GET", "/metrics", "", {{"Forwarded", "for=10.0.0.1"}})) ==
        "401 auth.missing");
  CHECK(fixture.code_of(fixture.call("", "GET", "/api/v1/workers")) == "401 auth.missing");
}

TEST_CASE("answers are counted by status, those that no handler saw too, and sources are read at each scrape") {
  MetricsOptions options;
  int scrapes = 0;
  options.metrics->add_source([&](monitoring::Page& page) { page.gauge("test_scrapes", "For tests.", ++scrapes); });
  ApiFixture fixture({}, options);
  CHECK(fixture.call("ana", "GET", "/api/v1/workers").status == 200);
  CHECK(fixture.call("ana", "GET", "/api/v1/jobs/99").status == 404);
  CHECK(fixture.call("", "GET", "/api/v1/jobs").status == 401);
  CHECK(fixture.call("ana", "POST", "/api/v1/workers/w1/drain").status == 403);
  const std::string text = fixture.call("vic", "GET", "/metrics").body;
  INFO(text);
  for (const char* line :
       {"\nframemill_http_responses_total{code=\"200\"} 1\n", "\nframemill_http_responses_total{code=\"404\"} 1\n",
        "\nframemill_http_responses_total{code=\"401\"} 1\n", "\nframemill_http_responses_total{code=\"403\"} 1\n",
        "\nframemill_http_request_seconds_count 2\n", "\nframemill_http_requests_refused_total 2\n",
        "\n# TYPE framemill_http_request_seconds histogram\n", "\n# TYPE test_scrapes gauge\n", "\ntest_scrapes 1\n"})
    CHECK(text.find(line) != std::string::npos);
  CHECK(fixture.call("vic", "GET", "/metrics").body.find("\ntest_scrapes 2\n") != std::string::npos);
}

}  // namespace framemill::scheduler
