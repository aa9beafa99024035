#include "api_fixture.h"
#include "base/clock.h"
#include "net/raw_socket.h"

namespace framemill::scheduler {

using testing::ApiFixture;
using testing::eventually;

TEST_CASE("tokens decide who gets in") {
  ApiFixture fixture;
  const auto missing = fixture.call("", "GET", "/api/v1/jobs");
  CHECK(fixture.code_of(missing) == "401 auth.missing");
  CHECK(*missing.header("www-authenticate") == "Bearer");
  CHECK(fixture.code_of(fixture.call("nobody", "GET", "/api/v1/jobs")) == "401 auth.unknown");
  CHECK(fixture.code_of(fixture.call("old", "GET", "/api/v1/jobs")) == "401 auth.expired");
  for (const std::string& bad : {std::string("Basic dTpw"), std::string("Bearer"), std::string("token-of-root")}) {
    CHECK(fixture.code_of(fixture.call("", "GET", "/api/v1/jobs", "", {{"Authorization", bad}})) == "401 auth.missing");
  }
  CHECK(fixture.code_of(fixture.call("", "GET", "/api/v1/jobs", "",
                                     {{"Authorization", "Bearer " + std::string(9000, 'x')}})) == "401 auth.unknown");
  CHECK(fixture.call("", "GET", "/api/v1/jobs", "", {{"Authorization", "bearer token-of-vic"}}).status == 200);
}

TEST_CASE("health checks need no token and say whether the farm is ready") {
  ApiFixture fixture;
  CHECK(fixture.call("", "GET", "/healthz").status == 200);
  CHECK(fixture.call("", "GET", "/readyz").status == 200);
  {
    std::lock_guard lock(fixture.farm.mutex);
    fixture.farm.health_now.ready = false;
    fixture.farm.health_now.sentence = "the disk is full";
  }
  const auto reply = fixture.call("", "GET", "/readyz");
  CHECK(fixture.code_of(reply) == "503 store.read_only");
  CHECK(reply.header("retry-after") != nullptr);
  CHECK(fixture.call("", "GET", "/healthz").status == 200);
}

TEST_CASE("roles bound what a token may do") {
  ApiFixture fixture;
  CHECK(fixture.code_of(fixture.call("vic", "POST", "/api/v1/jobs", "x", {}, "application/toml")) == "403 auth.role");
  CHECK(fixture.code_of(fixture.call("vic", "POST", "/api/v1/jobs/1/cancel")) == "403 auth.role");
  CHECK(fixture.code_of(fixture.call("ana", "POST", "/api/v1/workers/w1/drain")) == "403 auth.role");
  CHECK(fixture.code_of(fixture.call("ana", "POST", "/api/v1/jobs/2/cancel")) == "403 auth.not_owner");
  CHECK(fixture.farm.job_changes.empty());
  CHECK(fixture.farm.worker_changes.empty());
  CHECK(fixture.call("ana", "POST", "/api/v1/jobs/1/cancel").status == 200);
  CHECK(fixture.call("root", "POST", "/api/v1/jobs/1/pause").status == 200);
  CHECK(fixture.call("root", "POST", "/api/v1/workers/w1/drain").status == 200);
}

TEST_CASE("who may not submit is refused before the spec is read") {
  ApiFixture fixture;
  const auto answer = [&](const std::string& head, const std::string& until) {
    net::testing::RawSocket socket(fixture.api->port());
    socket.send(head + "\r\nContent-Type: application/toml\r\nContent-Length: 200000\r\nHost: x\r\n\r\nhalf");
    return socket.receive(until);
  };
  const std::string submit = "POST /api/v1/jobs HTTP/1.1";
  CHECK(answer(submit, "auth.missing").starts_with("HTTP/1.1 401"));
  CHECK(answer(submit + "\r\nAuthorization: Bearer nothing", "auth.unknown").starts_with("HTTP/1.1 401"));
  CHECK(answer(submit + "\r\nAuthorization: Bearer token-of-old", "auth.expired").starts_with("HTTP/1.1 401"));
  CHECK(answer(submit + "\r\nAuthorization: Bearer token-of-vic", "auth.role").starts_with("HTTP/1.1 403"));
  CHECK(answer("POST /api/v1/nothing HTTP/1.1", "http.not_found").starts_with("HTTP/1.1 404"));
  CHECK(answer("GET /healthz HTTP/1.1", "http.too_large").starts_with("HTTP/1.1 413"));
  CHECK(fixture.farm.submits.empty());
}

TEST_CASE("guessing tokens from one address is slowed down and keeps nobody out who has one") {
  net::HttpLimits limits;
  limits.requests_per_address_per_s = 2;
  ApiFixture fixture(limits);
  int guessed = 0;
  while (guessed < 100 && fixture.call("guess" + std::to_string(guessed), "GET", "/api/v1/jobs").status == 401)
    ++guessed;
  CHECK(guessed < 100);
  const auto reply = fixture.call("guess", "GET", "/api/v1/jobs");
  CHECK(fixture.code_of(reply) == "429 http.too_many_requests");
  CHECK(reply.header("retry-after") != nullptr);
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs").status == 200);
}

TEST_CASE("tokens can be replaced while the server runs") {
  ApiFixture fixture;
  CHECK(fixture.call("vic", "GET", "/api/v1/version").status == 200);
  fixture.api->use_tokens(TokenTable());
  CHECK(eventually([&] { return fixture.call("vic", "GET", "/api/v1/version").status == 401; }));
}

TEST_CASE("a submit hands over text, format, overrides, reason, principal and key") {
  ApiFixture fixture;
  fixture.farm.submit_reply = SubmitReply{{JobId(12), 3, false}, {}};
  auto reply = fixture.call("ana", "POST", "/api/v1/jobs", "api = 1", {{"Idempotency-Key", "k-1"}},
                            "application/toml; charset=utf-8");
  CHECK(reply.status == 201);
  CHECK(fixture.json_of(reply) == json::parse(R"({"job":12,"version":3,"repeated":false,"warnings":[]})"));
  fixture.farm.submit_reply = SubmitReply{{JobId(12), 3, true}, {}};
  CHECK(fixture.call("ana", "POST", "/api/v1/jobs", R"({"api":"framemill/v1","name":"x"})").status == 200);
  CHECK(
      fixture
          .call("ana", "POST", "/api/v1/jobs",
                R"({"spec":"name = \"x\"","format":"json","overrides":[["layer.a.prompt","snow"]],"reason":"why not"})")
          .status == 200);
  std::lock_guard lock(fixture.farm.mutex);
  REQUIRE(fixture.farm.submits.size() == 3);
  const auto& toml = fixture.farm.submits[0];
  CHECK(toml.text == "api = 1");
  CHECK(toml.format == jobs::SpecFormat::Toml);
  CHECK(toml.principal == "ana");
  CHECK(toml.token == "k-1");
  const auto& whole = fixture.farm.submits[1];
  CHECK(whole.text == R"({"api":"framemill/v1","name":"x"})");
  CHECK(whole.format == jobs::SpecFormat::Json);
  CHECK(whole.token.empty());
  const auto& envelope = fixture.farm.submits[2];
  CHECK(envelope.text == "name = \"x\"");
  CHECK(envelope.format == jobs::SpecFormat::Json);
  REQUIRE(envelope.overrides.size() == 1);
  CHECK(envelope.overrides[0] == std::pair<std::string, std::string>("layer.a.prompt", "snow"));
  CHECK(envelope.reason == "why not");
}

TEST_CASE("every error of a bad spec comes back with its place") {
  ApiFixture fixture;
  jobs::SpecError first{"spec.unknown_key", 3, 1, "layer[0].promt", "unknown key promt", "one of ...", "prompt"};
  jobs::SpecError second{"spec.missing", std::nullopt, std::nullopt, "show", "show is missing", "", ""};
  fixture.farm.submit_reply = SubmitReply{{}, {first, second}};
  const auto reply = fixture.call("ana", "POST", "/api/v1/jobs", "x", {}, "application/toml");
  CHECK(fixture.code_of(reply) == "422 spec.invalid");
  const auto body = fixture.json_of(reply).as_object();
  CHECK(body.at("message") == "unknown key promt (and 1 more error)");
  REQUIRE(body.at("errors").as_array().size() == 2);
  CHECK(body.at("errors").as_array()[0].as_object().at("line") == 3);
  CHECK(body.at("errors").as_array()[1].as_object().at("line").is_null());
}

TEST_CASE("refusals of the farm get the status of their code") {
  ApiFixture fixture;
  const auto submit_with = [&](const char* code) {
    fixture.farm.submit_reply = base::Error{code, "no", "", ""};
    return fixture.call("ana", "POST", "/api/v1/jobs", "x", {}, "application/toml").status;
  };
  CHECK(submit_with("submit.key_reused") == 409);
  CHECK(submit_with("spec.version_taken") == 409);
  CHECK(submit_with("store.read_only") == 503);
  CHECK(submit_with("farm.too_many_jobs") == 503);
  const auto change_with = [&](const char* code) {
    fixture.farm.change_reply = base::Error{code, "no", "", ""};
    return fixture.call("root", "POST", "/api/v1/jobs/1/retry").status;
  };
  CHECK(change_with("retry.published") == 409);
  CHECK(change_with("job.final") == 409);
  CHECK(change_with("job.layer_unknown") == 404);
  CHECK(change_with("something.else") == 500);
}

TEST_CASE("bad submits are refused before the farm sees them") {
  ApiFixture fixture;
  const auto refused = [&](const std::string& body, const std::string& type, net::HttpHeaders headers = {}) {
    return fixture.code_of(fixture.call("ana", "POST", "/api/v1/jobs", body, headers, type));
  };
  CHECK(refused("x", "text/plain") == "415 http.media_type");
  CHECK(refused(R"({"spec":5})", "application/json") == "400 request.bad_parameter");
  CHECK(refused(R"({"spec":"x","format":"yaml"})", "application/json") == "400 request.bad_parameter");
  CHECK(refused(R"({"spec":"x","overrides":[["a"]]})", "application/json") == "400 request.bad_parameter");
  CHECK(refused(R"({"spec":"x","overrides":{}})", "application/json") == "400 request.bad_parameter");
  CHECK(refused("x", "application/toml", {{"Idempotency-Key", std::string(201, 'k')}}) == "400 request.bad_parameter");
  CHECK(refused("x", "application/toml", {{"Idempotency-Key", "two words"}}) == "400 request.bad_parameter");
  CHECK(refused(std::string(2 << 20, 'x'), "application/toml") == "413 http.too_large");
  CHECK(fixture.farm.submits.empty());
}

TEST_CASE("lists are filtered and paged") {
  ApiFixture fixture;
  auto reply =
      fixture.call("ana", "GET", "/api/v1/jobs?live=true&mine=true&state=running&show=harbor&shot=hb_0010&limit=2");
  auto page = fixture.json_of(reply).as_object();
  CHECK(page.at("items").as_array().size() == 2);
  CHECK(page.at("next") == "2");
  reply = fixture.call("ana", "GET", "/api/v1/jobs?limit=2&after=2");
  page = fixture.json_of(reply).as_object();
  CHECK(page.at("items").as_array().size() == 1);
  CHECK(page.at("next").is_null());
  {
    std::lock_guard lock(fixture.farm.mutex);
    const JobFilter& filter = fixture.farm.filters.at(0);
    CHECK(filter.live == std::optional<bool>(true));
    CHECK(filter.principal == "ana");
    CHECK(filter.state == std::optional<jobs::JobState>(jobs::JobState::Running));
    CHECK(filter.show == "harbor");
    CHECK(filter.shot == "hb_0010");
  }
  fixture.call("ana", "GET",
               "/api/v1/jobs?user=ben&sequence=hb&state=stuck&tag=dailies&text=Sea&since=2026-12-01T10:00:00Z");
  {
    std::lock_guard lock(fixture.farm.mutex);
    const JobFilter& filter = fixture.farm.filters.back();
    CHECK(filter.principal == "ben");
    CHECK(filter.sequence == "hb");
    CHECK_FALSE(filter.state);
    CHECK(filter.condition == std::optional(Condition::Kind::Stuck));
    CHECK(filter.tag == "dailies");
    CHECK(filter.text == "Sea");
    CHECK(filter.since == base::WallTime{1'796'119'200'000});
  }
  for (const char* bad : {"since=yesterday", "mine=true&user=ben", "text=%ff", "limit=0", "limit=1001", "limit=x",
                          "limit=", "after=-1", "live=maybe", "state=sleeping", "mine=1"}) {
    CHECK(fixture.code_of(fixture.call("ana", "GET", std::string("/api/v1/jobs?") + bad)) ==
          "400 request.bad_parameter");
  }
}

TEST_CASE("a job is shown with its outputs, and its plan with spec and grid") {
  ApiFixture fixture;
  const auto job = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1")).as_object();
  CHECK(job.at("outputs") == json::parse(R"([
      {"layer":"hb_0010","variant":0,"root":"renders","first":"harbor/hb_0010.1001.exr","last":"harbor/hb_0010.1032.exr","files":32},
      {"layer":"cut","variant":0,"root":"renders","first":"harbor/hb_0010.mp4","last":"harbor/hb_0010.mp4","files":1}])"));
  CHECK(job.at("name") == "boards \xEF\xBF\xBD broken bytes");
  CHECK(job.at("finished").is_null());
  const auto plan = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/plan")).as_object();
  CHECK(plan.at("layers").as_array()[0].as_object().at("grid") ==
        json::parse(R"({"origin":1001,"window_frames":16,"context_frames":0,"windows":2})"));
  CHECK(plan.at("layers").as_array()[0].as_object().at("seeds") == json::parse("[5]"));
  CHECK(plan.at("layers").as_array()[0].as_object().at("seed_texts") == json::parse("[\"5\"]"));
  CHECK(plan.at("spec").as_object().at("show") == "harbor");
}

TEST_CASE("changes carry the caller, the reason and their arguments, and answer the new state") {
  ApiFixture fixture;
  CHECK(fixture.json_of(
            fixture.call("ana", "POST", "/api/v1/jobs/1/priority", R"({"priority":80,"reason":"client visit"})")) ==
        json::parse(R"({"job":1,"state":"running","tasks":3})"));
  CHECK(fixture.call("ana", "POST", "/api/v1/jobs/1/retry", R"({"layer":"hb_0010","frames":"1001-1003"})").status ==
        200);
  CHECK(fixture.call("ana", "POST", "/api/v1/jobs/3/resume").status == 200);
  const auto worker =
      fixture.json_of(fixture.call("root", "POST", "/api/v1/workers/2/drain", R"({"reason":"new disk"})"));
  CHECK(worker ==
        json::parse(R"({"worker":2,"name":"w2","state":"up","drain_at":null,"tasks_taken_back":3,"tasks_held":0})"));
  CHECK(fixture.call("root", "POST", "/api/v1/workers/2/drain", R"({"at":"2026-12-24T18:00:00+01:00"})").status == 200);
  CHECK(fixture.call("ana", "POST", "/api/v1/jobs/1/deadline", R"({"deadline":"2026-12-24T18:00:00+01:00"})").status ==
        200);
  CHECK(fixture.call("ana", "POST", "/api/v1/jobs/1/deadline", R"({"deadline":null})").status == 200);
  CHECK(fixture.call("ana", "POST", "/api/v1/jobs/3/resume", R"({"now":true})").status == 200);
  std::lock_guard lock(fixture.farm.mutex);
  REQUIRE(fixture.farm.job_changes.size() == 6);
  CHECK(fixture.farm.job_changes[3].verb == JobAction::SetDeadline);
  CHECK(fixture.farm.job_changes[3].deadline == base::WallTime{1'798'131'600'000});
  CHECK(fixture.farm.job_changes[4].deadline == base::WallTime{});
  CHECK_FALSE(fixture.farm.job_changes[2].waives_waits);
  CHECK(fixture.farm.job_changes[5].waives_waits);
  CHECK(fixture.farm.worker_changes.at(0).at == std::nullopt);
  CHECK(fixture.farm.worker_changes.at(1).at == base::WallTime{1'798'131'600'000});
  CHECK(fixture.farm.job_changes[0].verb == JobAction::SetPriority);
  CHECK(fixture.farm.job_changes[0].priority == 80);
  CHECK(fixture.farm.job_changes[0].reason == "client visit");
  CHECK(fixture.farm.job_changes[0].principal == "ana");
  CHECK(fixture.farm.job_changes[1].verb == JobAction::Retry);
  CHECK(fixture.farm.job_changes[1].layer == "hb_0010");
  CHECK(fixture.farm.job_changes[1].frames->text() == "1001-1003");
  CHECK(fixture.farm.job_changes[2].verb == JobAction::Resume);
  REQUIRE(fixture.farm.worker_changes.size() == 2);
  CHECK(fixture.farm.worker_changes[0].worker == WorkerId(2));
  CHECK(fixture.farm.worker_changes[0].reason == "new disk");
}

TEST_CASE("retry requests a remake, names the job that makes the files again, and reports both digests") {
  ApiFixture fixture;
  {
    std::lock_guard lock(fixture.farm.mutex);
    fixture.farm.change_reply = Changed{1, JobId(7)};
  }
  CHECK(fixture.json_of(fixture.call("ana", "POST", "/api/v1/jobs/1/retry",
                                     R"({"frames":"1003","remake":true,"replace":true,"reason":"lost"})")) ==
        json::parse(R"({"job":1,"state":"running","tasks":1,"remake":7})"));
  CHECK(fixture.code_of(fixture.call("ana", "POST", "/api/v1/jobs/1/retry", R"({"replace":true})")) ==
        "400 request.bad_parameter");
  CHECK(fixture.code_of(fixture.call("ana", "POST", "/api/v1/jobs/1/retry", R"({"remake":"yes"})")) ==
        "400 request.bad_parameter");
  {
    std::lock_guard lock(fixture.farm.mutex);
    REQUIRE(fixture.farm.job_changes.size() == 1);
    CHECK(fixture.farm.job_changes[0].remake);
    CHECK(fixture.farm.job_changes[0].replace);
    CHECK(fixture.farm.job_changes[0].reason == "lost");
    fixture.farm.change_reply = base::Error{"remake.running", "frame 1003 is not published", "frames", ""};
  }
  CHECK(fixture.code_of(fixture.call("ana", "POST", "/api/v1/jobs/1/retry", R"({"frames":"1003","remake":true})")) ==
        "409 remake.running");
  const auto job = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1")).as_object();
  CHECK(job.at("remake_of").is_null());
  const auto remake = job.at("remakes").as_array().at(0).as_object();
  CHECK(remake.at("job") == 7);
  CHECK(remake.at("asked").as_object().at("reason") == "lost");
  const auto file = remake.at("files").as_array().at(0).as_object();
  CHECK(file.at("outcome") == "differs");
  CHECK(file.at("frame") == 1003);
  CHECK(file.at("recorded_sha256") == json::string(base::sha256("then").hex()));
  CHECK(file.at("made_sha256") == json::string(base::sha256("now").hex()));
  CHECK(remake.at("files").as_array().at(1).as_object().at("made_sha256").is_null());
}

TEST_CASE("bad changes are refused with the field") {
  ApiFixture fixture;
  const auto refused = [&](const char* path, const std::string& body) {
    return fixture.code_of(fixture.call("root", "POST", path, body));
  };
  CHECK(refused("/api/v1/jobs/1/priority", "") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/1/priority", R"({"priority":101})") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/1/priority", R"({"priority":5.5})") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/1/deadline", "") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/1/deadline", R"({"deadline":"tomorrow"})") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/1/resume", R"({"now":1})") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/workers/2/drain", R"({"at":"18:00"})") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/1/cancel", "[]") == "400 request.bad_json");
  CHECK(refused("/api/v1/jobs/1/cancel", "{") == "400 request.bad_json");
  CHECK(refused("/api/v1/jobs/1/cancel", std::string(100, '[')) == "400 request.bad_json");
  CHECK(refused("/api/v1/jobs/1/cancel", R"({"reason":")" + std::string(1001, 'x') + "\"}") ==
        "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/1/retry", R"({"frames":"1:5"})").substr(0, 4) == "400 ");
  CHECK(refused("/api/v1/jobs/0/cancel", "") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/4294967296/cancel", "") == "400 request.bad_parameter");
  CHECK(refused("/api/v1/jobs/99/cancel", "") == "404 job.unknown");
  CHECK(refused("/api/v1/workers/w9/drain", "") == "404 worker.unknown");
  CHECK(fixture.farm.job_changes.empty());
}

TEST_CASE("two workers of one name are addressed by number") {
  ApiFixture fixture;
  fixture.farm.worker_list = {testing::sample_worker(WorkerId(1), "same"), testing::sample_worker(WorkerId(2), "same")};
  CHECK(fixture.code_of(fixture.call("root", "POST", "/api/v1/workers/same/drain")) == "409 worker.ambiguous");
  CHECK(fixture.call("root", "POST", "/api/v1/workers/2/undrain").status == 200);
}

TEST_CASE("a worker is removed by an administrator, with name and reason on record") {
  ApiFixture fixture;
  const char* const path = "/api/v1/workers/w1/revoke";
  CHECK(fixture.code_of(fixture.call("ana", "POST", path)).substr(0, 4) == "403 ");
  CHECK(fixture.call("root", "POST", path, R"({"reason":"its key was copied"})").status == 200);
  std::lock_guard lock(fixture.farm.mutex);
  REQUIRE(fixture.farm.worker_changes.size() == 1);
  const WorkerChange& change = fixture.farm.worker_changes[0];
  CHECK(change.verb == WorkerAction::Revoke);
  CHECK(change.worker == WorkerId(1));
  CHECK(change.principal == "root");
  CHECK(change.reason == "its key was copied");
}

TEST_CASE("logs are asked for newest first with their output, attempts without") {
  ApiFixture fixture;
  fixture.farm.attempt_page = {{testing::sample_attempt(false)}, "7.12"};
  const auto logs =
      fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/logs?frame=1004&layer=hb_0010&limit=5&after=7.13"))
          .as_object();
  const auto& log = logs.at("items").as_array().at(0).as_object();
  CHECK(log.at("output_tail") == "loading\n\xEF\xBF\xBD half a character");
  CHECK(log.at("frames") == "1001-1032");
  CHECK(log.at("outcome") == "bad_output");
  CHECK(logs.at("next") == "7.12");
  fixture.farm.attempt_page = {{testing::sample_attempt(true)}, ""};
  const auto attempts = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/attempts")).as_object();
  CHECK(attempts.at("items").as_array().at(0).as_object().at("outcome").is_null());
  std::lock_guard lock(fixture.farm.mutex);
  const AttemptQuery& query = fixture.farm.attempt_queries.at(0);
  CHECK(query.with_output);
  CHECK(query.newest_first);
  CHECK(query.frame == std::optional<jobs::Frame>(1004));
  CHECK(query.after == "7.13");
  CHECK(query.limit == 5);
  CHECK_FALSE(fixture.farm.attempt_queries.at(1).with_output);
}

TEST_CASE("explain speaks of a task, or of the job when no task is left") {
  ApiFixture fixture;
  auto body = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/explain?layer=hb_0010&variant=0&frame=-5"))
                  .as_object();
  CHECK(body.at("phase") == "denoise");
  CHECK(body.at("task") == 1);
  CHECK(body.at("state") == "ready");
  CHECK(fixture.farm.explain_queries.at(0).frame == std::optional<jobs::Frame>(-5));
  ExplainView none;
  none.sentence = "job 1 is done";
  fixture.farm.explain_reply = none;
  body = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/explain")).as_object();
  CHECK(body.at("task").is_null());
  CHECK(body.at("state") == "running");  // the job's
  CHECK(body.at("sentence") == "job 1 is done");
}

TEST_CASE("a diagnosis has the line of the log that tells most") {
  ApiFixture fixture;
  AttemptRow attempt = testing::sample_attempt(false);
  attempt.record.output_tail = "loading\nRuntimeError: the plate is black\ncleaning up\n";
  fixture.farm.attempt_page = {{attempt}, ""};
  const auto body = fixture.json_of(fixture.call("vic", "GET", "/api/v1/jobs/1/diagnosis")).as_object();
  const auto& finding = body.at("findings").as_array().at(0).as_object();
  CHECK(finding.at("blame") == "work");
  CHECK(finding.at("frames") == "1001-1016");
  CHECK(finding.at("log_line") == "RuntimeError: the plate is black");
  CHECK(fixture.farm.attempt_queries.at(0).with_output);
  CHECK(fixture.farm.attempt_queries.at(0).layer == "hb_0010");
}

TEST_CASE("paths of the server are shown to administrators alone") {
  ApiFixture fixture;
  const auto seen = fixture.json_of(fixture.call("root", "GET", "/api/v1/roots"));
  CHECK(seen.at("items").as_array()[1] ==
        json::parse(R"({"name":"renders","path":"/srv/renders","workers":["w1","w2"]})"));
  CHECK(fixture.call("ana", "GET", "/api/v1/roots").body.find("/srv") == std::string::npos);
}

TEST_CASE("unknown addresses and wrong methods are different errors") {
  ApiFixture fixture;
  CHECK(fixture.code_of(fixture.call("root", "GET", "/api/v2/jobs")) == "404 http.not_found");
  const auto wrong = fixture.call("root", "DELETE", "/api/v1/jobs");
  CHECK(fixture.code_of(wrong) == "405 http.method_not_allowed");
  CHECK(*wrong.header("allow") == "POST, GET");
}

TEST_CASE("version names the caller") {
  ApiFixture fixture;
  CHECK(fixture.json_of(fixture.call("ana", "GET", "/api/v1/version")) ==
        json::parse(R"({"version":"0.1.0-test","api":"framemill/v1","epoch":7,"principal":"ana","role":"artist"})"));
}

}  // namespace framemill::scheduler
