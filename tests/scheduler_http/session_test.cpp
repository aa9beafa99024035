#include "api_fixture.h"
#include "base/clock.h"

namespace framemill::scheduler {

using testing::ApiFixture;
using testing::contract;

namespace {

struct Browser {
  std::string cookie, csrf;
};

// As a browser does: the token once, then the cookie alone.
Browser sign_in(ApiFixture& fixture, const std::string& who) {
  const auto reply = fixture.call(who, "POST", "/api/v1/session");
  REQUIRE(reply.status == 201);
  const std::string& set = *reply.header("set-cookie");
  Browser browser;
  browser.cookie = set.substr(0, set.find(';'));
  browser.csrf = std::string(fixture.json_of(reply).as_object().at("csrf").as_string());
  return browser;
}

net::HttpHeaders own_page(const Browser& browser) {
  return {{"Cookie", "theme=dark; " + browser.cookie}, {"X-Framemill-Csrf", browser.csrf}};
}

std::string filled(const std::string& path) {
  std::string out;
  for (std::string_view segment : net::split_path(path))
    out += "/" + (segment == "{job}"      ? std::string("1")
                  : segment == "{worker}" ? "w1"
                  : segment == "{limit}"  ? "nuke"
                  : segment == "{root}"   ? "renders"
                  : segment == "{name}"   ? testing::FakePreviews::frame_name()
                                          : std::string(segment));
  return out;
}

}  // namespace

TEST_CASE("a token becomes a cookie that stands for it until the sign-out") {
  ApiFixture fixture;
  const auto reply = fixture.call("ana", "POST", "/api/v1/session");
  const std::string cookie = *reply.header("set-cookie");
  CHECK(cookie.starts_with("framemill_" + std::to_string(fixture.api->port()) + "="));
  CHECK(cookie.find("; HttpOnly; SameSite=Strict") != std::string::npos);
  CHECK(cookie.find("Secure") == std::string::npos);  // the Host is 127.0.0.1
  const Browser browser = sign_in(fixture, "ana");
  const auto mine = fixture.call("", "GET", "/api/v1/session", "", {{"Cookie", browser.cookie}});
  CHECK(fixture.json_of(mine).as_object().at("principal").as_string() == "ana");
  CHECK(fixture.json_of(mine).as_object().at("csrf").as_string() == browser.csrf);
  CHECK(fixture.call("", "POST", "/api/v1/jobs/1/cancel", "", own_page(browser)).status == 200);
  CHECK(fixture.farm.job_changes.back().principal == "ana");
  CHECK(fixture.call("", "DELETE", "/api/v1/session", "", own_page(browser)).status == 200);
  CHECK(fixture.code_of(fixture.call("", "GET", "/api/v1/jobs", "", own_page(browser))) == "401 auth.missing");
}

TEST_CASE("beyond loopback the cookie travels over TLS alone") {
  ApiFixture fixture;
  const auto reply = fixture.call("vic", "POST", "/api/v1/session", "", {{"Host", "10.1.2.3:8750"}});
  CHECK(reply.header("set-cookie")->ends_with("; Secure"));
}

TEST_CASE("a change by cookie comes from the farm's own page or is refused") {
  ApiFixture fixture;
  const Browser browser = sign_in(fixture, "root");
  const std::string host = "127.0.0.1:" + std::to_string(fixture.api->port());
  const auto change = [&](net::HttpHeaders extra) {
    extra.emplace_back("Cookie", browser.cookie);
    return fixture.call("", "POST", "/api/v1/workers/w1/drain", "", extra);
  };
  const std::pair<std::string, std::string> csrf{"X-Framemill-Csrf", browser.csrf};
  CHECK(fixture.code_of(change({})) == "403 auth.cross_site");
  CHECK(fixture.code_of(change({{"X-Framemill-Csrf", std::string(64, '0')}})) == "403 auth.cross_site");
  CHECK(fixture.code_of(change({csrf, {"Origin", "http://evil.example"}})) == "403 auth.cross_site");
  CHECK(fixture.code_of(change({csrf, {"Origin", "null"}})) == "403 auth.cross_site");
  CHECK(fixture.code_of(change({csrf, {"Sec-Fetch-Site", "cross-site"}})) == "403 auth.cross_site");
  CHECK(fixture.farm.worker_changes.empty());
  CHECK(change({csrf, {"Origin", "http://" + host}, {"Sec-Fetch-Site", "same-origin"}}).status == 200);
  CHECK(change({csrf}).status == 200);
}

TEST_CASE("a session ends with its token") {
  ApiFixture fixture;
  const Browser browser = sign_in(fixture, "ana");
  fixture.api->use_tokens(TokenTable({{"vic", Role::Viewer, base::sha256("token-of-vic"), std::nullopt}}));
  CHECK(fixture.code_of(fixture.call("", "GET", "/api/v1/jobs", "", own_page(browser))) == "401 auth.unknown");
}

TEST_CASE("a session opens no other session, and an unknown cookie is nobody's") {
  ApiFixture fixture;
  const Browser browser = sign_in(fixture, "ana");
  CHECK(fixture.code_of(fixture.call("", "POST", "/api/v1/session", "", own_page(browser))) ==
        "400 request.needs_token");
  Browser other = browser;
  other.cookie.back() = other.cookie.back() == '0' ? '1' : '0';
  CHECK(fixture.code_of(fixture.call("", "GET", "/api/v1/jobs", "", own_page(other))) == "401 auth.missing");
}

TEST_CASE("after ten refused sign-ins an address waits, and other requests go on") {
  ApiFixture fixture;
  for (int i = 0; i < SignInGate::kRefusedMax; ++i)
    CHECK(fixture.call("nobody", "POST", "/api/v1/session").status == 401);
  CHECK(fixture.code_of(fixture.call("nobody", "POST", "/api/v1/session")) == "429 auth.too_many");
  CHECK(fixture.call("vic", "GET", "/api/v1/jobs").status == 200);
}

TEST_CASE("sessions are bounded: of one token, and of all, and the oldest gives way") {
  SessionTable table;
  const base::WallTime now{1'000};
  const base::Sha256 ana = base::sha256("ana");
  const std::string first = table.open(ana, now).secret;
  std::string second = table.open(ana, now).secret;
  for (std::size_t i = 2; i < SessionTable::kSessionsPerTokenMax; ++i) table.open(ana, now);
  CHECK(table.find(first, now) != nullptr);
  table.open(ana, now);
  CHECK(table.find(first, now) == nullptr);
  CHECK(table.find(second, now) != nullptr);
  CHECK(table.size() == SessionTable::kSessionsPerTokenMax);
  for (std::size_t i = 0; i < SessionTable::kSessionsMax; ++i) table.open(base::sha256(std::to_string(i)), now);
  CHECK(table.size() == SessionTable::kSessionsMax);
  CHECK(table.find(second, now) == nullptr);
}

TEST_CASE("a session ends after its time, and its memory goes") {
  SessionTable table;
  const std::string secret = table.open(base::sha256("ana"), {1'000}).secret;
  const base::WallTime end{1'000 + SessionTable::kLifetime.ms};
  CHECK(table.find(secret, {end.unix_ms - 1}) != nullptr);
  CHECK(table.find(secret, end) == nullptr);
  table.open(base::sha256("ben"), end);
  CHECK(table.size() == 1);
}

TEST_CASE("the sign-in gate opens after its window, and its memory is bounded") {
  SignInGate gate;
  const auto refuse = [&](const std::string& network, std::int64_t ms) { gate.note_refused(network, {ms}); };
  for (int i = 0; i < SignInGate::kRefusedMax; ++i) refuse("10.0.0.1", 0);
  CHECK_FALSE(gate.is_open("10.0.0.1", {SignInGate::kWindow.ms - 1}));
  CHECK(gate.is_open("10.0.0.1", {SignInGate::kWindow.ms}));
  CHECK(gate.is_open("10.0.0.2", {0}));
  for (std::size_t i = 0; i < 2 * SignInGate::kNetworksMax; ++i) refuse("n" + std::to_string(i), 1);
  CHECK_FALSE(gate.is_open("10.0.0.1", {2}));
}

TEST_CASE("a cookie is found by its whole name") {
  CHECK(cookie_value("a=1; framemill_1=x; framemill_12=y", "framemill_12") == "y");
  CHECK(cookie_value("a=1;framemill_1=x", "framemill_1") == "x");
  CHECK(cookie_value("xframemill_1=x; framemill_1", "framemill_1").empty());
  CHECK(cookie_value("", "framemill_1").empty());
}

// A body that the route takes.
std::string body_for(const std::string& target) {
  if (target == "/api/v1/jobs") return R"({"spec":"name = 1"})";
  if (target == "/api/v1/shares") return R"({"path":"features","weight":2})";
  if (target.starts_with("/api/v1/limits/")) return R"({"count":7})";
  if (target.starts_with("/api/v1/bulk/"))
    return target.ends_with("/priority") ? R"({"select":{"user":"ana"},"priority":7})" : R"({"select":{"user":"ana"}})";
  if (target.ends_with("/priority")) return R"({"priority":7})";
  if (target.ends_with("/deadline")) return R"({"deadline":null})";
  return "";
}

TEST_CASE("every route lets in exactly its roles, by token and by cookie") {
  ApiFixture fixture;
  fixture.farm.submit_reply = SubmitReply{{JobId(4), 2, false}, {}};
  const std::vector<std::pair<std::string, std::optional<Role>>> callers{
      {"", std::nullopt}, {"vic", Role::Viewer}, {"ana", Role::Artist}, {"root", Role::Admin}};
  std::map<std::string, Browser> browsers;
  for (const auto& [who, role] : callers)
    if (role) browsers[who] = sign_in(fixture, who);
  const ApiRoutes routes = api_routes();
  for (const auto& route : routes.routes()) {
    if (route.pattern == "/api/v1/session" || route.pattern == "/api/v1/events") continue;  // tests of their own
    for (const auto& [who, role] : callers) {
      const std::string target = filled(route.pattern);
      const std::string body = body_for(target);
      const std::string sent = route.method == "GET" ? "" : body;
      const bool allowed = !route.value.role || (role && *role >= *route.value.role);
      INFO(route.method << " " << target << " as " << who);
      const int by_token = fixture.call(who, route.method, target, sent).status;
      CHECK((allowed || by_token == (role ? 403 : 401)));
      CHECK((by_token / 100 == 2) == allowed);
      if (!role) continue;
      CHECK(fixture.call("", route.method, target, sent, own_page(browsers[who])).status == by_token);
      if (route.method == "GET" || !route.value.role) continue;
      const auto bare = fixture.call("", route.method, target, sent, {{"Cookie", browsers[who].cookie}});
      CHECK(fixture.code_of(bare) == "403 auth.cross_site");
    }
  }
}

}  // namespace framemill::scheduler
