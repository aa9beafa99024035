#include "base/units.h"

#include <catch2/catch.hpp>

#include "base/rfc3339.h"

namespace framemill::base {
namespace {

TEST_CASE("durations are a whole number and a unit") {
  CHECK(parse_duration("250ms")->ms == 250);
  CHECK(parse_duration("90s")->ms == 90'000);
  CHECK(parse_duration("5m")->ms == 300'000);
  CHECK(parse_duration("2h")->ms == 7'200'000);
  CHECK(parse_duration("0s")->ms == 0);
  CHECK(parse_duration("1000000h")->ms == 3'600'000'000'000);
  for (const char* text : {"", "s", "90", "1.5h", "-1s", "+1s", "90 s", "1d", "1M", "1000001h", "9999999999999999999s",
                           "99999999999999999999ms", "1s "})
    CHECK_FALSE(parse_duration(text));
  CHECK(duration_text(seconds(7200)) == "7200s");
  CHECK(duration_text(milliseconds(1500)) == "1500ms");
  CHECK(duration_meant("5 min") == "write 5m");
  CHECK(duration_meant("2 Days") == "write days in hours: 24h");
  CHECK(duration_meant("soon").empty());
}

TEST_CASE("sizes are a whole number and a binary unit") {
  CHECK(parse_size("8GiB") == 8ull << 30);
  CHECK(parse_size("100B") == 100);
  CHECK(size_text(1536ull << 20) == "1536MiB");
  CHECK(size_text(0) == "0B");
  CHECK(size_meant("8 GB") == "write 8GiB");
  for (const char* text : {"", "8", "8GB", "8gib", "-1B", "9999999999999999999TiB", "9999999TiB"})
    CHECK_FALSE(parse_size(text));
}

TEST_CASE("timestamps are read strictly and written in UTC") {
  CHECK(parse_rfc3339("1970-01-01T00:00:00Z")->unix_ms == 0);
  CHECK(parse_rfc3339("2026-12-24t18:00:00.5-00:30")->unix_ms == 1'798'137'000'500);
  for (const char* text :
       {"", "2026-12-24", "2026-12-24T18:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-12-24T24:00:00Z",
        "2026-12-24T18:00:00.Z", "2026-12-24T18:00:00+1:00", "2026-12-24T18:00:00Zx", "1969-12-31T23:59:59Z"})
    CHECK_FALSE(parse_rfc3339(text));
  CHECK(format_rfc3339({1'798'137'000'500}) == "2026-12-24T18:30:00.500Z");
  CHECK(format_rfc3339({1'798'137'000'000}) == "2026-12-24T18:30:00.000Z");
  CHECK(format_rfc3339({1'798'137'000'000}, Milliseconds::WhereAny) == "2026-12-24T18:30:00Z");
  CHECK(format_rfc3339({-1}) == "1969-12-31T23:59:59.999Z");
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{951'782'400'001}, std::int64_t{253'402'300'799'999}})
    CHECK(parse_rfc3339(format_rfc3339({ms}))->unix_ms == ms);
}

}  // namespace
}  // namespace framemill::base
