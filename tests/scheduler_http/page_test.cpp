#include "scheduler/http/page.h"

#include "api_fixture.h"
#include "monitoring/dashboard/bundle.h"

namespace framemill::scheduler {

using testing::ApiFixture;

namespace {

net::HttpResponse get(ApiFixture& fixture, const std::string& path, net::HttpHeaders headers = {},
                      const std::string& method = "GET") {
  auto reply = fixture.client().send({method, path, std::move(headers), "", ""});
  REQUIRE(reply.ok());
  return *std::move(reply);
}

}  // namespace

TEST_CASE("the dashboard's page comes without a token, compressed, with a strict policy") {
  REQUIRE(dashboard::find_file("/") != nullptr);
  ApiFixture fixture;
  const auto page = get(fixture, "/");
  CHECK(page.status == 200);
  CHECK(page.content_type.starts_with("text/html"));
  CHECK(*page.header("content-encoding") == "gzip");
  CHECK(page.body.starts_with("\x1f\x8b"));
  const std::string policy = *page.header("content-security-policy");
  CHECK(policy.starts_with("default-src 'none'; script-src 'self';"));
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(*page.header("cache-control") == "no-cache");
  CHECK(*page.header("x-content-type-options") == "nosniff");
  CHECK(page.header("access-control-allow-origin") == nullptr);
}

TEST_CASE("every file of the dashboard is served under its type, and assets for ever") {
  ApiFixture fixture;
  std::size_t bytes = 0;
  for (const dashboard::BundleFile& file : dashboard::bundle()) {
    INFO(file.path);
    const auto reply = get(fixture, std::string(file.path));
    CHECK(reply.status == 200);
    CHECK(reply.body == file.gzip);
    CHECK(reply.content_type == dashboard::content_type(file));
    CHECK(reply.content_type != "application/octet-stream");
    CHECK((reply.header("cache-control")->find("immutable") != std::string::npos) == dashboard::is_immutable(file));
    bytes += file.gzip.size();
  }
  CHECK(bytes < 150'000);
}

TEST_CASE("what a browser has already is not sent again") {
  ApiFixture fixture;
  const std::string tag = *get(fixture, "/").header("etag");
  const auto again = get(fixture, "/", {{"If-None-Match", tag}});
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(get(fixture, "/", {{"If-None-Match", "\"other\""}}).status == 200);
  CHECK(get(fixture, "/", {}, "HEAD").body.empty());
}

TEST_CASE("the page is served under the farm's names alone") {
  const std::vector<std::string> hosts{"farm.studio"};
  for (const std::string host :
       {"localhost:8750", "127.0.0.1", "[::1]:8750", "10.1.2.3:80", "farm.studio", "FARM.studio:443"}) {
    INFO(host);
    CHECK(is_own_host(&host, hosts));
  }
  for (const std::string host :
       {"evil.example", "farm.studio.evil.example", "", "127.0.0.1.evil.example", "1.2.3.4x"}) {
    INFO(host);
    CHECK_FALSE(is_own_host(&host, hosts));
  }
  CHECK_FALSE(is_own_host(nullptr, hosts));
  ApiFixture fixture;
  CHECK(get(fixture, "/", {{"Host", "evil.example"}}).status == 421);
}

TEST_CASE("other methods, other paths and clients without gzip are refused") {
  ApiFixture fixture;
  CHECK(get(fixture, "/", {}, "POST").status == 405);
  CHECK(get(fixture, "/assets/none.js").status == 404);
  CHECK(get(fixture, "/../etc/passwd").status == 404);
  CHECK(get(fixture, "/", {{"Accept-Encoding", "identity"}}).status == 406);
  CHECK(get(fixture, "/", {{"Accept-Encoding", "br, GZIP"}}).status == 200);
}

}  // namespace framemill::scheduler
