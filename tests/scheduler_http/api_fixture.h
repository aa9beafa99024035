// The HTTP API over a fake farm, with one token per role, and calls whose replies are held against openapi.yaml as they
// come. For tests.
#pragma once

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <set>

#include "fake_farm.h"
#include "fake_previews.h"
#include "fake_upkeep.h"
#include "json_schema.h"
#include "net/http_client.h"
#include "net/loop_thread.h"
#include "scheduler/http/call.h"
#include "scheduler/http/http_api.h"

namespace framemill::scheduler::testing {

using framemill::testing::SchemaValidator;
using net::testing::eventually;

inline const SchemaValidator& contract() {
  static const SchemaValidator validator(
      framemill::testing::read_yaml(std::string(FRAMEMILL_SOURCE_DIR) + "/scheduler/http/openapi.yaml"));
  return validator;
}

struct ApiFixture {
  FakeFarm farm;
  FakeUpkeep upkeep;
  FakePreviews previews;
  net::testing::LoopThread thread;
  std::unique_ptr<HttpApi> api;
  std::set<std::string> recorded;  // "GET /api/v1/jobs 200"

  explicit ApiFixture(net::HttpLimits limits = {}, MetricsOptions metrics = {}) {
    farm.job_list = {sample_job(JobId(3), "ana"), sample_job(JobId(2), "ben"), sample_job(JobId(1), "ana")};
    farm.worker_list = {sample_worker(WorkerId(1), "w1"), sample_worker(WorkerId(2), "w2")};
    thread.on_loop([&] {
      net::HttpServerOptions options;
      options.limits = limits;
      auto opened = HttpApi::open(thread.loop, options, tokens(), farm, "0.1.0-test", metrics);
      REQUIRE(opened.ok());
      api = *std::move(opened);
      api->use_upkeep(&upkeep);
      api->use_previews(&previews);
    });
  }
  ~ApiFixture() {
    thread.on_loop([&] { api.reset(); });
  }

  static TokenTable tokens() {
    const auto entry = [](const char* principal, Role role) {
      return TokenEntry{principal, role, base::sha256(std::string("token-of-") + principal), std::nullopt};
    };
    TokenEntry old = entry("old", Role::Admin);
    old.expires = base::WallTime{1'000};
    return TokenTable({entry("vic", Role::Viewer), entry("ana", Role::Artist), entry("ben", Role::Artist),
                       entry("root", Role::Admin), old});
  }

  net::HttpClient client() { return *net::HttpClient::open(api->url()); }

  // Calls as `who` (empty: no token). The reply must be one that openapi.yaml allows for this operation.
  net::HttpResponse call(const std::string& who, const std::string& method, const std::string& target,
                         const std::string& body = "", net::HttpHeaders headers = {},
                         const std::string& content_type = "application/json") {
    if (!who.empty()) headers.emplace_back("Authorization", "Bearer token-of-" + who);
    auto reply = client().send({method, target, headers, body, content_type});
    if (!reply.ok()) FAIL(method + " " + target + ": " + reply.error().message);
    check_reply(method, target, *reply);
    return *std::move(reply);
  }
  json::value json_of(const net::HttpResponse& reply) { return json::parse(reply.body); }
  std::string code_of(const net::HttpResponse& reply) {
    return std::to_string(reply.status) + " " + std::string(json_of(reply).as_object().at("code").as_string());
  }

  void check_reply(const std::string& method, const std::string& target, const net::HttpResponse& reply) {
    const std::string path = target.substr(0, target.find('?'));
    for (const auto& [pattern, item] : contract().document().as_object().at("paths").as_object()) {
      if (!net::match_path(std::string_view(pattern), path, nullptr)) continue;
      std::string verb = method;
      for (char& c : verb) c = static_cast<char>(std::tolower(c));
      const json::value* operation = item.as_object().if_contains(verb);
      if (operation == nullptr) continue;
      const json::object& responses = operation->as_object().at("responses").as_object();
      const json::value* response = responses.if_contains(std::to_string(reply.status));
      if (response == nullptr) response = responses.if_contains("default");
      INFO(method << " " << target << " answered " << reply.status << ": " << reply.body.substr(0, 2000));
      REQUIRE(response != nullptr);
      recorded.insert(method + " " + std::string(pattern) + " " + std::to_string(reply.status));
      if (!contract().resolved(*response).as_object().contains("content")) {
        CHECK(reply.body.empty());
        continue;
      }
      const json::object& content = contract().resolved(*response).as_object().at("content").as_object();
      const std::string type = reply.content_type.substr(0, reply.content_type.find(';'));
      REQUIRE(content.contains(type));
      const bool is_json = type != "text/plain" && type != "image/jpeg";
      const json::value body = is_json ? json::parse(reply.body) : json::value(reply.body);
      const auto findings = contract().check(content.at(type).as_object().at("schema"), body);
      for (const std::string& finding : findings) FAIL_CHECK(finding);
    }
  }
};

}  // namespace framemill::scheduler::testing
