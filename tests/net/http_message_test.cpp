#include "net/http_message.h"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "net/router.h"

namespace framemill::net {

TEST_CASE("percent encoding goes there and back for every byte but zero") {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  CHECK(*percent_decode(percent_encode(all), false) == all);
  CHECK(*percent_decode(percent_encode(all), true) == all);
  CHECK(percent_encode("a b/c") == "a%20b%2Fc");
}

TEST_CASE("bad percent encodings are refused") {
  for (const char* bad : {"%", "%4", "%4g", "a%00b", "%zz", "%%41"}) CHECK_FALSE(percent_decode(bad, false).ok());
}

TEST_CASE("a query is decoded, and doubled keys are refused with their name") {
  auto query = parse_query("state=running&q=two+words%21&empty=&bare&&x=a=b");
  REQUIRE(query.ok());
  CHECK((*query)["state"] == "running");
  CHECK((*query)["q"] == "two words!");
  CHECK((*query)["empty"].empty());
  CHECK(query->count("bare") == 1);
  CHECK((*query)["x"] == "a=b");
  for (const char* hostile : {"a=%", "a=%4", "%zz=1", "a=%00", "%00", "a=\x01", "a=b c", "a=\x7f", "a=\xff", "a=#b",
                              "a=\"b\"", "a={b}", "a=b\r\nHost:c"}) {
    INFO(hostile);
    CHECK_FALSE(parse_query(hostile).ok());
  }
  CHECK(*percent_decode("%c3%A4%2b+", true) == "\u00e4+ ");
  CHECK(parse_query("a=%ff")->at("a") == "\xff");  // not text, but a byte that was encoded
  auto twice = parse_query("a=1&b=2&a=3");
  REQUIRE_FALSE(twice.ok());
  CHECK(twice.error().code == "http.bad_query");
  CHECK(twice.error().field == "a");
  std::string many;
  for (int i = 0; i < 65; ++i) many += "k" + std::to_string(i) + "=1&";
  CHECK_FALSE(parse_query(many).ok());
}

TEST_CASE("headers are found without regard to case") {
  const HttpHeaders headers{{"content-type", "a"}, {"X-One", "b"}};
  REQUIRE(find_header(headers, "Content-Type") != nullptr);
  CHECK(*find_header(headers, "x-one") == "b");
  CHECK(find_header(headers, "x-on") == nullptr);
}

TEST_CASE("an error body is JSON whatever bytes the error quotes") {
  const base::Error error{"spec.bad", "a \"quote\" \n and \xff\xc3 and \xE2\x82\xAC", "layer[0]", ""};
  const HttpResponse response = error_response(400, error);
  CHECK(response.status == 400);
  const auto body = boost::json::parse(response.body).as_object();
  CHECK(body.at("code") == "spec.bad");
  CHECK(body.at("message") == "a \"quote\" \n and \xEF\xBF\xBD\xEF\xBF\xBD and \xE2\x82\xAC");
  CHECK(body.at("field") == "layer[0]");
}

TEST_CASE("paths find their route, with decoded parameters") {
  Router<int> router;
  router.add("GET", "/api/v1/jobs", 1);
  router.add("POST", "/api/v1/jobs", 2);
  router.add("GET", "/api/v1/jobs/last", 3);
  router.add("GET", "/api/v1/jobs/{job}", 4);
  router.add("GET", "/api/v1/jobs/{job}/layers/{layer}/tasks", 5);
  const auto value = [&](const char* method, const char* path) {
    const auto match = router.match(method, path);
    return match.route != nullptr ? match.route->value : -match.status();
  };
  CHECK(value("GET", "/api/v1/jobs") == 1);
  CHECK(value("HEAD", "/api/v1/jobs") == 1);
  CHECK(value("POST", "/api/v1/jobs") == 2);
  CHECK(value("GET", "/api/v1/jobs/last") == 3);
  CHECK(value("GET", "/api/v1/jobs/17") == 4);
  CHECK(value("DELETE", "/api/v1/jobs") == -405);
  CHECK(router.match("DELETE", "/api/v1/jobs").allow == "GET, POST");
  for (const char* path : {"/", "", "/api/v1", "/api/v1/jobs/", "/api/v1/jobs/1/", "//api/v1/jobs", "/API/v1/jobs",
                           "/api/v1/jobs/%00", "/api/v1/jobs/a%2Fb", "/api/v1/jobs/%zz"}) {
    CHECK(value("GET", path) == -404);
  }
  const auto match = router.match("GET", "/api/v1/jobs/a%20b/layers/%C3%A9/tasks");
  REQUIRE(match.route != nullptr);
  CHECK(match.parameters.at("job") == "a b");
  CHECK(match.parameters.at("layer") == "\xC3\xA9");
}

}  // namespace framemill::net
