#include "cli/forecast_text.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>

#include "cli/text.h"

namespace framemill::cli {
namespace {

const std::int64_t kNow = unix_ms_of("2026-12-01T12:00:00.000Z");  // a Tuesday

TEST_CASE("the nearer a moment, the shorter its text") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  CHECK(moment_text("2026-12-01T17:40:59.000Z", kNow) == "17:40");
  CHECK(moment_text("2026-12-04T07:05:00.000Z", kNow) == "Fri 07:05");
  CHECK(moment_text("2026-12-09T07:05:00.000Z", kNow) == "2026-12-09 07:05");
  CHECK(moment_text("2026-11-30T07:05:00.000Z", kNow) == "2026-11-30 07:05");
  CHECK(moment_text("", kNow) == "-");
  CHECK(moment_text("nonsense", kNow) == "-");
}

TEST_CASE("odds never claim to be sure") {
  CHECK(odds_text(0.784) == "78 %");
  CHECK(odds_text(0.999) == "> 99 %");
  CHECK(odds_text(1) == "> 99 %");
  CHECK(odds_text(0) == "< 1 %");
}

TEST_CASE("a forecast is one line, with the deadline and how likely it holds") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const std::string deadline = "2026-12-01T18:00:00.000Z";
  ForecastView forecast{"estimated", "2026-12-01T17:40:00.000Z", "2026-12-01T18:20:00.000Z", "", 0.78, 0.4, ""};
  CHECK(forecast_line(forecast, deadline, kNow) == "ready 17:40 (p90 18:20), deadline 18:00: 78 % likely");
  CHECK(is_at_risk(forecast));
  forecast.on_time.reset();
  CHECK(forecast_line(forecast, "", kNow) == "ready 17:40 (p90 18:20)");
  CHECK_FALSE(is_at_risk(forecast));
  CHECK(forecast_line({"beyond", "", "", "2026-12-02T09:00:00.000Z", 0.0, {}, ""}, deadline, kNow) ==
        "ready after Wed 09:00, deadline 18:00: < 1 % likely");
  CHECK(forecast_line({"measuring", "", "", "", {}, {}, "layer a: not yet"}, deadline, kNow) ==
        "measuring: layer a: not yet, deadline 18:00");
  CHECK(forecast_line({"held", "", "", "", {}, {}, ""}, deadline, kNow) == "deadline 18:00");
  CHECK(forecast_line({"held", "", "", "", {}, {}, ""}, "", kNow).empty());
  CHECK(forecast_line({"none", "", "", "", {}, {}, ""}, deadline, kNow).empty());
  CHECK(forecast_line({}, deadline, kNow).empty());
}

TEST_CASE("a hostile forecast reads as none") {
  CHECK(read_forecast(parse_json("[]").value()).state.empty());
  CHECK(read_forecast(parse_json(R"({"forecast":7})").value()).state.empty());
  const ForecastView odd = read_forecast(
      parse_json(R"({"forecast":{"state":"estimated","on_time":7,"progress":"x","ready_p50":3}})").value());
  CHECK_FALSE(odd.on_time);
  CHECK_FALSE(odd.progress);
  CHECK(ready_cell(odd, kNow) == "-");
  CHECK_FALSE(read_levers(parse_json(R"({"levers":{"items":[{"sentence":1}]}})").value()).ok());
  CHECK(read_levers(parse_json(R"({"levers":null})").value())->empty());
}

}  // namespace
}  // namespace framemill::cli
