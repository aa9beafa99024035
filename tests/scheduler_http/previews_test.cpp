#include <chrono>
#include <future>

#include "api_fixture.h"

namespace framemill::scheduler {

using testing::ApiFixture;
using testing::FakePreviews;

TEST_CASE("strips of a job are listed with layer, frames and where the picture is, a page at a time") {
  ApiFixture fixture;
  const auto page = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/previews")).as_object();
  CHECK(json::serialize(page.at("roots")) == R"(["renders"])");
  REQUIRE(page.at("items").as_array().size() == 2);
  const json::object& first = page.at("items").as_array()[0].as_object();
  CHECK(first.at("layer") == "hb_0010");
  CHECK(first.at("frames") == "1001-1016");
  CHECK(first.at("columns") == 16);
  CHECK(first.at("href").as_string() ==
        "/api/v1/jobs/1/previews/renders/" + FakePreviews::strip_text(0, 0, "1001-1016"));
  CHECK(page.at("next").is_null());

  const auto one = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/previews?limit=1")).as_object();
  REQUIRE(one.at("items").as_array().size() == 1);
  const std::string next(one.at("next").as_string());
  const auto two =
      fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/previews?limit=1&after=" + next)).as_object();
  CHECK(two.at("items").as_array()[0].as_object().at("frames") == "1017-1032");
  CHECK(two.at("next").is_null());

  CHECK(
      fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/previews?layer=cut")).at("items").as_array().empty());
  CHECK(fixture.code_of(fixture.call("vic", "GET", "/api/v1/jobs/1/previews?after=x")) == "400 request.bad_parameter");
  CHECK(fixture.code_of(fixture.call("vic", "GET", "/api/v1/jobs/77/previews")) == "404 job.unknown");
}

TEST_CASE("a strip of another job that had the number, with phases that this one lacks, is left out") {
  ApiFixture fixture;
  fixture.previews.strips.push_back(FakePreviews::strip(99, 0, "1-16"));
  CHECK(fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/previews")).at("items").as_array().size() == 2);
}

TEST_CASE("where the scheduler's host has none of the job's roots it says so, and there are no pictures") {
  ApiFixture fixture;
  fixture.previews.roots = {"plates"};
  const auto page = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/previews")).as_object();
  CHECK(page.at("roots").as_array().empty());
  CHECK(page.at("items").as_array().empty());
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs/1/latest.jpg").status == 204);
  CHECK(fixture.code_of(fixture.call("vic", "GET", "/api/v1/jobs/1/previews/renders/" + FakePreviews::frame_name())) ==
        "404 preview.unknown");
  fixture.thread.on_loop([&] { fixture.api->use_previews(nullptr); });
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs/1/latest.jpg").status == 204);
}

TEST_CASE("a picture is sent as a picture and nothing else, and may be kept for ever") {
  ApiFixture fixture;
  const std::string target = "/api/v1/jobs/1/previews/renders/" + FakePreviews::frame_name();
  const auto reply = fixture.call("vic", "GET", target);
  CHECK(reply.status == 200);
  CHECK(reply.body == "\xff\xd8 a frame");
  CHECK(reply.content_type == "image/jpeg");
  CHECK(*reply.header("Cache-Control") == "private, max-age=31536000, immutable");
  CHECK(*reply.header("X-Content-Type-Options") == "nosniff");
  CHECK(reply.header("Content-Security-Policy")->find("default-src 'none'") != std::string::npos);
  const auto again = fixture.call("vic", "GET", target, "", {{"If-None-Match", *reply.header("ETag")}});
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(fixture.call("", "GET", target).status == 401);
}

TEST_CASE("the newest picture is asked for again each time, and costs nothing while it is the same") {
  ApiFixture fixture;
  const auto reply = fixture.call("vic", "GET", "/api/v1/jobs/1/latest.jpg?v=16");
  CHECK(reply.body == "\xff\xd8 the newest");
  CHECK(*reply.header("Cache-Control") == "private, no-cache");
  const net::HttpHeaders known{{"If-None-Match", *reply.header("ETag")}};
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs/1/latest.jpg", "", known).status == 304);
  {
    const std::lock_guard lock(fixture.previews.mutex);
    fixture.previews.newest = PreviewFile{"\xff\xd8 a newer one", "7-3", {7'000}};
  }
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs/1/latest.jpg", "", known).body == "\xff\xd8 a newer one");
}

TEST_CASE("names that no preview can have never reach the storage") {
  ApiFixture fixture;
  for (const std::string& name :
       {std::string("latest.jpg"), std::string("..%2F..%2Fsecret"), std::string("%2e%2e"), std::string(".new-17"),
        std::string("strip_0_0_3-00f1e2d3c4b5a697-17_256x144x16_1001-1016.png"),
        std::string("strip_0_0_3-00f1e2d3c4b5a697-17_9999x144x16_1001-1016.jpg"),
        std::string("strip_0_0_3-00f1e2d3c4b5a697-17_256x144x16_1016-1001.jpg"),
        std::string("strip_0_0_3-00f1e2d3c4b5a697-17_256x144x16_.jpg"), std::string(64, 'A') + ".jpg",
        std::string(63, 'a') + "%2F.jpg", std::string(64, 'a') + ".jpg%00"}) {
    INFO(name);
    CHECK(fixture.call("vic", "GET", "/api/v1/jobs/1/previews/renders/" + name).status / 100 == 4);
  }
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs/1/previews/..%2Frenders/" + FakePreviews::frame_name()).status == 404);
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs/1/previews/plates/" + FakePreviews::frame_name()).status == 404);
  CHECK(fixture.previews.reads == 0);
}

TEST_CASE("storage that hangs gets a 503 for previews, and holds up nothing else") {
  ApiFixture fixture;
  fixture.previews.hangs = true;
  auto waiting = std::async(std::launch::async, [&] {
    return fixture.client().send(
        {"GET", "/api/v1/jobs/1/latest.jpg", {{"Authorization", "Bearer token-of-vic"}}, "", ""});
  });
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs").status == 200);
  CHECK(waiting.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  const auto asked = waiting.get();
  REQUIRE(asked.ok());
  CHECK(asked->status == 503);
  CHECK(*asked->header("Retry-After") == "2");
}

}  // namespace framemill::scheduler
