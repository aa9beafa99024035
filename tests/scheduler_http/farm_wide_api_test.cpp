// What concerns many jobs at once, or none: bulk changes, limits, shares.
#include "api_fixture.h"
#include "base/clock.h"

namespace framemill::scheduler {

using testing::ApiFixture;

TEST_CASE("many jobs are changed by what they have in common, an artist's own alone") {
  ApiFixture fixture;
  {
    std::lock_guard lock(fixture.farm.mutex);
    fixture.farm.jobs_reply.matched = 3;
    fixture.farm.jobs_reply.changed = 2;
    fixture.farm.jobs_reply.skipped = 1;
    fixture.farm.jobs_reply.states[jobs::JobState::Queued] = 3;
    fixture.farm.jobs_reply.jobs = {std::make_shared<JobView>(testing::sample_job(JobId(5), "ana"))};
  }
  const auto reply = fixture.json_of(fixture.call("ana", "POST", "/api/v1/bulk/cancel?dry_run=true",
                                                  R"({"select":{"state":"queued"},"reason":"wrong plates"})"));
  CHECK(reply.at("dry_run") == true);
  CHECK(reply.at("matched") == 3);
  CHECK(reply.at("states") == json::parse(R"({"queued":3})"));
  CHECK(reply.at("jobs").at(0).at("id") == 5);
  fixture.call("root", "POST", "/api/v1/bulk/priority", R"({"select":{"user":"ana","show":"harbor"},"priority":80})");
  fixture.call("ana", "POST", "/api/v1/bulk/pause", R"({"select":{"user":"ana","tag":"test"},"for_ms":60000})");
  const auto refused = [&](const char* who, const char* path, const std::string& body) {
    return fixture.code_of(fixture.call(who, "POST", path, body));
  };
  CHECK(refused("ana", "/api/v1/bulk/cancel", R"({"select":{"user":"ben"}})") == "403 auth.not_owner");
  CHECK(refused("vic", "/api/v1/bulk/cancel", R"({"select":{"user":"vic"}})") == "403 auth.role");
  for (const char* bad : {"", "{}", R"({"select":{}})", R"({"select":"all"})", R"({"select":{"usr":"ana"}})",
                          R"({"select":{"user":5}})", R"({"select":{"state":"asleep"}})"})
    CHECK(refused("root", "/api/v1/bulk/cancel", bad) == "400 request.bad_parameter");
  CHECK(refused("root", "/api/v1/bulk/priority", R"({"select":{"user":"ana"}})") == "400 request.bad_parameter");

  std::lock_guard lock(fixture.farm.mutex);
  REQUIRE(fixture.farm.jobs_changes.size() == 3);
  const JobsChange& cancel = fixture.farm.jobs_changes[0];
  CHECK(cancel.verb == JobAction::Cancel);
  CHECK(cancel.dry_run);
  CHECK(cancel.principal == "ana");
  CHECK(cancel.filter.principal == "ana");  // though nobody was named
  CHECK(cancel.selected == "jobs of ana, state queued");
  CHECK(cancel.reason == "wrong plates");
  const JobsChange& priority = fixture.farm.jobs_changes[1];
  CHECK(priority.verb == JobAction::SetPriority);
  CHECK(priority.priority == 80);
  CHECK(priority.principal == "root");
  CHECK(priority.selected == "jobs of ana, show harbor");
  CHECK_FALSE(priority.dry_run);
  CHECK(fixture.farm.jobs_changes[2].hold_for == std::optional(base::seconds(60)));
}

TEST_CASE("limits are listed with who uses them, and an administrator changes how many there are") {
  ApiFixture fixture;
  {
    std::lock_guard lock(fixture.farm.mutex);
    fixture.farm.limit_list = {{"big@1", true, 4, 4, 0, 0, {}, {}},
                               {"nuke", false, 10, 20, 12, 35, {{JobId(7), 8}, {JobId(9), 4}}, {"root", {5}, "lent"}}};
  }
  const auto limits = fixture.json_of(fixture.call("vic", "GET", "/api/v1/limits")).at("items");
  CHECK(limits.at(0) == json::parse(R"({"name":"big@1","kind":"model","count":4,"configured":4,"in_use":0,"waiting":0,
                                        "users":[],"changed":null})"));
  CHECK(limits.at(1) == json::parse(R"({"name":"nuke","kind":"token","count":10,"configured":20,"in_use":12,
      "waiting":35,"users":[{"job":7,"slots":8},{"job":9,"slots":4}],
      "changed":{"principal":"root","time":"1970-01-01T00:00:00.005Z","reason":"lent"}})"));
  CHECK(fixture.json_of(fixture.call("root", "POST", "/api/v1/limits/big%401", R"({"count":2,"reason":"new GPU"})")) ==
        json::parse(R"({"name":"big@1","count":2})"));
  CHECK(fixture.code_of(fixture.call("ana", "POST", "/api/v1/limits/nuke", R"({"count":2})")) == "403 auth.role");
  for (const char* bad : {"", "{}", R"({"count":-1})", R"({"count":1.5})", R"({"count":1000001})"})
    CHECK(fixture.code_of(fixture.call("root", "POST", "/api/v1/limits/nuke", bad)) == "400 request.bad_parameter");
  {
    std::lock_guard lock(fixture.farm.mutex);
    REQUIRE(fixture.farm.limit_changes.size() == 1);
    CHECK(fixture.farm.limit_changes[0].name == "big@1");
    CHECK(fixture.farm.limit_changes[0].count == 2);
    CHECK(fixture.farm.limit_changes[0].principal == "root");
    CHECK(fixture.farm.limit_changes[0].reason == "new GPU");
    fixture.farm.change_reply = base::Error{"limit.unknown", "there is no limit nuk", "limit", ""};
  }
  CHECK(fixture.code_of(fixture.call("root", "POST", "/api/v1/limits/nuk", R"({"count":2})")) == "404 limit.unknown");
}

TEST_CASE("shares are shown to all, and set by an administrator with name and reason on record") {
  ApiFixture fixture;
  const auto shares = fixture.json_of(fixture.call("vic", "GET", "/api/v1/shares")).as_object().at("items").as_array();
  REQUIRE(shares.size() == 2);
  CHECK(shares[0].at("weight") == 2.5);
  CHECK(shares[0].at("used_s") == 1234.568);
  CHECK(shares[0].at("slots_max") == 40);
  CHECK(shares[0].at("last_change").at("principal") == "root");
  CHECK(shares[1].at("path") == "features/atlas/ana");
  CHECK(shares[1].at("slots_max").is_null());
  CHECK(shares[1].at("last_change").is_null());
  const auto set = [&](const char* who, const std::string& body) {
    return fixture.code_of(fixture.call(who, "POST", "/api/v1/shares", body));
  };
  CHECK(set("ana", R"({"path":"features","weight":3})").substr(0, 4) == "403 ");
  CHECK(set("root", R"({"path":"features"})") == "400 request.bad_parameter");
  CHECK(set("root", R"({"weight":3})") == "400 request.bad_parameter");
  CHECK(set("root", R"({"path":"features","weight":"3"})") == "400 request.bad_parameter");
  CHECK(set("root", R"({"path":"features","guarantee":-1})") == "400 request.bad_parameter");
  CHECK(set("root", R"({"path":"features","slots_max":"4"})") == "400 request.bad_parameter");
  CHECK(fixture.farm.share_changes.empty());
  const auto answer =
      fixture.call("root", "POST", "/api/v1/shares",
                   R"({"path":"features","weight":3,"guarantee":2,"slots_max":40,"reset":true,"reason":"Friday"})");
  CHECK(answer.status == 200);
  std::lock_guard lock(fixture.farm.mutex);
  REQUIRE(fixture.farm.share_changes.size() == 1);
  const ShareChange& change = fixture.farm.share_changes[0];
  CHECK(change.path == "features");
  CHECK(change.rules == ShareRules{3, 2, 40});
  CHECK(change.reset);
  CHECK(change.principal == "root");
  CHECK(change.reason == "Friday");
}

}  // namespace framemill::scheduler
