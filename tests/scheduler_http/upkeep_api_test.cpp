#include <unistd.h>

#include "api_fixture.h"
#include "base/file.h"

namespace framemill::scheduler {

using testing::ApiFixture;

TEST_CASE("an administrator has key files read again, and is told of each whether it was taken") {
  ApiFixture fixture;
  CHECK(fixture.code_of(fixture.call("ana", "POST", "/api/v1/reload")) == "403 auth.role");
  CHECK(fixture.json_of(fixture.call("root", "POST", "/api/v1/reload")).at("reloaded").as_bool());
  fixture.upkeep.files[1].refused = base::Error{"tokens.permissions", "others can write it", "", "run: chmod go-w x"};
  const json::value reply = fixture.json_of(fixture.call("root", "POST", "/api/v1/reload"));
  CHECK_FALSE(reply.at("reloaded").as_bool());
  CHECK(reply.at("files").at(0).at("refused").is_null());
  CHECK(reply.at("files").at(1).at("refused").at("code").as_string() == "tokens.permissions");
  CHECK(fixture.upkeep.asked == std::vector<std::string>{"reload by root", "reload by root"});
}

TEST_CASE("a damaged store is a failure of the check, and of the readiness from then on") {
  ApiFixture fixture;
  const json::value copy = fixture.json_of(fixture.call("root", "POST", "/api/v1/store/backup"));
  CHECK(copy.at("file").as_string() == "/var/backups/jobs.db");
  CHECK(fixture.json_of(fixture.call("root", "POST", "/api/v1/store/verify")).at("file").is_null());
  CHECK(fixture.call("", "GET", "/readyz").status == 200);
  {
    const std::lock_guard lock(fixture.upkeep.mutex);
    fixture.upkeep.now.last_copy = *fixture.upkeep.copy;
    fixture.upkeep.copy = base::Error{"store.corrupt", "a commit of batch 7 is not what was written", "", ""};
    fixture.upkeep.now.damage = "a commit of batch 7 is not what was written";
  }
  CHECK(fixture.code_of(fixture.call("root", "POST", "/api/v1/store/backup")) == "500 store.corrupt");
  CHECK(fixture.code_of(fixture.call("", "GET", "/readyz")) == "503 store.damaged");
  CHECK(fixture.call("root", "GET", "/api/v1/store").status == 200);
  CHECK(fixture.code_of(fixture.call("ana", "GET", "/api/v1/store")) == "403 auth.role");
}

TEST_CASE("the local door lets this process's user in without a token, to the upkeep alone") {
  ApiFixture fixture;
  const auto path = std::filesystem::temp_directory_path() / ("fm-" + std::to_string(base::random_u64()) + ".sock");
  net::HttpServerOptions options;
  options.listen = "unix:" + path.string();
  fixture.thread.on_loop([&] { REQUIRE(fixture.api->open_local_door(options).ok()); });
  net::HttpClient client = *net::HttpClient::open(options.listen);
  const auto status = [&](const char* method, const char* target) {
    auto reply = client.send({method, target, {}, "", "application/json"});
    REQUIRE(reply.ok());
    return reply->status;
  };
  CHECK(status("POST", "/api/v1/reload") == 200);
  CHECK(status("GET", "/api/v1/store") == 200);
  CHECK(status("GET", "/api/v1/jobs") == 404);
  CHECK(status("POST", "/api/v1/jobs/1/cancel") == 404);
  REQUIRE(fixture.upkeep.asked.size() == 1);
  CHECK(fixture.upkeep.asked[0].starts_with("reload by "));
  CHECK(fixture.upkeep.asked[0] != "reload by ");
  if (::geteuid() == 0) CHECK(fixture.upkeep.asked[0] == "reload by root");
}

}  // namespace framemill::scheduler
