#include <map>

#include "api_fixture.h"

namespace framemill::scheduler {

using testing::ApiFixture;
using testing::contract;
using testing::FakePreviews;

namespace {

struct Operation {
  std::string method, path;
  const json::object* value;
};

std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (const auto& [path, item] : contract().document().as_object().at("paths").as_object()) {
    for (const auto& [verb, operation] : item.as_object()) {
      std::string method(verb);
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      all.push_back({method, std::string(path), &operation.as_object()});
    }
  }
  return all;
}

std::set<std::string> query_of(const json::object& operation) {
  std::set<std::string> names;
  const json::value* list = operation.if_contains("parameters");
  if (list == nullptr) return names;
  for (const json::value& item : list->as_array()) {
    const json::object& parameter = contract().resolved(item).as_object();
    if (parameter.at("in").as_string() == "query") names.insert(std::string(parameter.at("name").as_string()));
  }
  return names;
}

std::string filled(const std::string& path) {
  net::PathParameters names;
  std::string out;
  for (std::string_view segment : net::split_path(path)) {
    out += "/" + (segment == "{job}"      ? std::string("1")
                  : segment == "{worker}" ? std::string("w1")
                  : segment == "{limit}"  ? std::string("nuke")
                  : segment == "{root}"   ? std::string("renders")
                  : segment == "{name}"   ? FakePreviews::frame_name()
                                          : std::string(segment));
  }
  return out;
}

}  // namespace

TEST_CASE("every operation of openapi.yaml has a route, with its role and query parameters") {
  const ApiRoutes routes = api_routes();
  for (const Operation& operation : operations()) {
    INFO(operation.method << " " << operation.path);
    const ApiRoutes::Route* found = nullptr;
    for (const auto& route : routes.routes()) {
      if (route.method == operation.method && route.pattern == operation.path) found = &route;
    }
    REQUIRE(found != nullptr);
    const json::value* role = operation.value->if_contains("x-role");
    if (role == nullptr) {
      CHECK_FALSE(found->value.role);
      CHECK(operation.value->at("security").as_array().empty());
    } else {
      REQUIRE(found->value.role);
      CHECK(std::string_view(role->as_string()) == name(*found->value.role));
    }
    const std::set<std::string> taken(found->value.query.begin(), found->value.query.end());
    CHECK(taken == query_of(*operation.value));
  }
}

TEST_CASE("every route is in openapi.yaml") {
  std::set<std::string> known;
  for (const Operation& operation : operations()) known.insert(operation.method + " " + operation.path);
  const ApiRoutes routes = api_routes();
  for (const auto& route : routes.routes()) {
    INFO(route.method << " " << route.pattern);
    CHECK(known.count(route.method + " " + route.pattern) == 1);
  }
}

TEST_CASE("operation ids are unique and every reference of openapi.yaml leads somewhere") {
  std::set<std::string> ids;
  for (const Operation& operation : operations()) {
    CHECK(ids.insert(std::string(operation.value->at("operationId").as_string())).second);
  }
  const std::function<void(const json::value&)> walk = [&](const json::value& value) {
    contract().resolved(value);  // throws
    if (const auto* object = value.if_object()) {
      for (const auto& [key, member] : *object) walk(member);
    } else if (const auto* array = value.if_array()) {
      for (const auto& member : *array) walk(member);
    }
  };
  walk(contract().document());
}

TEST_CASE("bodies take exactly the fields of their schema") {
  ApiFixture fixture;
  const std::map<std::string, json::value> samples{{"reason", "because"},
                                                   {"priority", 50},
                                                   {"for_ms", 60'000},
                                                   {"layer", "hb_0010"},
                                                   {"frames", "1001-1002"},
                                                   {"spec", "api = \"framemill/v1\""},
                                                   {"format", "toml"},
                                                   {"remake", true},
                                                   {"count", 10},
                                                   {"select", json::object{{"user", "ana"}}},
                                                   {"replace", true},
                                                   {"now", true},
                                                   {"deadline", nullptr},
                                                   {"at", "2026-12-24T18:00:00+01:00"},
                                                   {"overrides", json::array{json::array{"a.b", "c"}}},
                                                   {"path", "features"},
                                                   {"weight", 2.5},
                                                   {"guarantee", 3},
                                                   {"slots_max", 40},
                                                   {"reset", true}};
  for (const Operation& operation : operations()) {
    const json::value* body = operation.value->if_contains("requestBody");
    if (body == nullptr) continue;
    json::value schema = body->as_object().at("content").as_object().at("application/json").as_object().at("schema");
    const json::object& resolved = contract().resolved(schema).as_object();
    if (resolved.contains("oneOf")) schema = resolved.at("oneOf").as_array().at(0);  // the envelope
    json::object all;
    for (const std::string& name : contract().properties(schema)) all[name] = samples.at(name);
    INFO(operation.method << " " << operation.path << " " << json::serialize(all));
    CHECK(contract().check(schema, all).empty());
    CHECK(fixture.call("root", operation.method, filled(operation.path), json::serialize(all)).status < 300);
    all["reasn"] = "x";
    const auto refused = fixture.call("root", operation.method, filled(operation.path), json::serialize(all));
    CHECK(fixture.code_of(refused) == "400 request.unknown_key");
    CHECK(refused.body.find("did you mean \\\"reason\\\"?") != std::string::npos);
  }
}

TEST_CASE("unknown query parameters are refused everywhere, with the near one named") {
  ApiFixture fixture;
  for (const Operation& operation : operations()) {
    if (operation.method != "GET") continue;
    INFO(operation.path);
    const auto refused = fixture.call("root", "GET", filled(operation.path) + "?nonsense=1");
    CHECK(fixture.code_of(refused) == "400 request.unknown_parameter");
  }
  CHECK(fixture.call("root", "GET", "/api/v1/jobs?lmit=5").body.find("did you mean \\\"limit\\\"?") !=
        std::string::npos);
}

TEST_CASE("a reply of every operation was recorded and fits its schema") {
  ApiFixture fixture;
  fixture.farm.frame_page = {{testing::sample_frame()}, "1.2"};
  FrameRow movie = testing::sample_frame();
  movie.kind = "movie";
  movie.samples_sha256 = {};
  fixture.farm.frame_page.rows.push_back(movie);
  fixture.farm.attempt_page = {{testing::sample_attempt(true), testing::sample_attempt(false)}, ""};
  fixture.farm.submit_reply = SubmitReply{{JobId(4), 2, false}, {}};
  for (const Operation& operation : operations()) {
    if (operation.path == "/api/v1/events") continue;  // its replies never end: event_stream_test.cpp
    const bool is_bulk = operation.path.starts_with("/api/v1/bulk/");
    const bool is_priority = operation.path.find("/priority") != std::string::npos;
    const std::string body = operation.path == "/api/v1/jobs" && operation.method == "POST" ? R"({"spec":"name = 1"})"
                             : is_bulk && is_priority ? R"({"select":{"user":"ana"},"priority":7})"
                             : is_bulk                ? R"({"select":{"user":"ana"}})"
                             : is_priority            ? R"({"priority":7})"
                             : operation.path.find("/deadline") != std::string::npos ? R"({"deadline":null})"
                             : operation.path == "/api/v1/limits/{limit}"            ? R"({"count":7})"
                             : operation.path == "/api/v1/shares" ? R"({"path":"features","weight":2})"
                                                                  : "";
    const auto reply =
        fixture.call("root", operation.method, filled(operation.path), operation.method == "POST" ? body : "");
    INFO(operation.method << " " << operation.path << ": " << reply.body);
    CHECK(reply.status / 100 == 2);
    if (reply.content_type != "image/jpeg") CHECK(*reply.header("cache-control") == "no-store");
  }
  std::size_t good = 0;
  for (const std::string& line : fixture.recorded) good += line.find(" 20") != std::string::npos ? 1 : 0;
  CHECK(good == operations().size() - 1);
}

TEST_CASE("the schema validator sees what is wrong") {
  const auto schema = json::parse(R"({"type":"object","required":["a"],"properties":{"a":{"type":"integer","minimum":1},
      "b":{"type":["string","null"],"enum":["x",null]},"c":{"type":"array","items":{"type":"boolean"}}}})");
  const auto findings = [&](const char* text) { return contract().check(schema, json::parse(text)).size(); };
  CHECK(findings(R"({"a":1,"b":null,"c":[true]})") == 0);
  CHECK(findings(R"({})") == 1);
  CHECK(findings(R"({"a":0})") == 1);
  CHECK(findings(R"({"a":"1"})") == 1);
  CHECK(findings(R"({"a":1,"b":"y"})") == 1);
  CHECK(findings(R"({"a":1,"c":[true,1,"x"]})") == 2);
  CHECK(findings(R"({"a":1,"d":1})") == 1);
  CHECK(findings(R"([])") == 1);
  CHECK_FALSE(contract().check(json::parse(R"({"pattern":"x"})"), "x").empty());
}

}  // namespace framemill::scheduler
