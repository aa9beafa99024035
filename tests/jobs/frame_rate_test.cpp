#include "jobs/frame_rate.h"

#include <catch2/catch.hpp>

#include "jobs/ordered_rate.h"
#include "jobs/spec.h"
#include "tests/jobs/plan_support.h"

namespace framemill::jobs {
namespace {

using namespace test;

std::string rate_text(const std::string& written) {
  const auto rate = FrameRate::parse(written);
  return rate.ok() ? rate->text() : rate.error().code;
}

TEST_CASE("what people write for a television rate means that rate exactly") {
  for (const char* written : {"23.98", "23.976", "23.97602", "24000/1001", "48000/2002"})
    CHECK(rate_text(written) == "24000/1001");
  for (const char* written : {"29.98", "29.97", "29.97003"}) CHECK(rate_text(written) == "30000/1001");
  for (const char* written : {"47.95", "47.952"}) CHECK(rate_text(written) == "48000/1001");
  for (const char* written : {"59.94", "59.95"}) CHECK(rate_text(written) == "60000/1001");
  CHECK(rate_text("119.88") == "120000/1001");
  CHECK(rate_text("239.76") == "240000/1001");
}

TEST_CASE("other rates are taken exactly") {
  CHECK(rate_text("24") == "24");
  CHECK(rate_text("24.0") == "24");
  CHECK(rate_text("12.5") == "25/2");
  CHECK(rate_text("29.9") == "299/10");
  CHECK(rate_text("50/2") == "25");
  CHECK(rate_text("1") == "1");
  CHECK(rate_text("240") == "240");
}

TEST_CASE("what is not a rate, or beyond 1 to 240, is refused") {
  for (const char* written : {"", "fast", "24fps", "24/", "/24", "24/1/1", "-24/-1", "1e", "24 "})
    CHECK(rate_text(written) == "spec.bad_rate");
  for (const char* written : {"0", "0.5", "-24", "240.1", "1e300", "24/0", "1/2", "nan", "inf", "4294967295/1"})
    CHECK(rate_text(written) == "spec.out_of_range");
}

const std::string kMovie =
    "api = \"framemill/v1\"\nname = \"t\"\nshow = \"s\"\nshot = \"sh\"\n"
    "[[layer]]\nname = \"cut\"\nkind = \"encode\"\ninput = [{layer = \"graded\"}]\n"
    "[[layer]]\nname = \"graded\"\nkind = \"command\"\nargv = [\"x\", \"{input}\", \"{output}\"]\nframes = \"1-16\"\n"
    "input = [{layer = \"a\"}]\n"
    "[[layer]]\nname = \"a\"\nkind = \"generate\"\nmodel = \"clips@1\"\nprompt = \"x\"\nframes = \"1-16\"\n";

std::string ordered(const SpecOverrides& overrides, std::int32_t package_fps) {
  const ParsedSpec parsed = parse_spec(kMovie, SpecFormat::Detect, overrides);
  REQUIRE(parsed.spec);
  PackageFacts facts;
  facts.fps = package_fps;
  const auto rate = ordered_rate(*parsed.spec, parsed.spec->layers[0],
                                 [&](const std::string& id) { return id == "clips@1" ? &facts : nullptr; });
  // What is stored means the same job.
  CHECK(parse_spec(canonical_json(*parsed.spec)).spec == parsed.spec);
  return rate ? rate->text() : "none";
}

TEST_CASE("a movie has its layer's rate, else the job's, else that of the package its frames come from") {
  CHECK(ordered({{"layer.cut.fps", "23.98"}, {"fps", "25"}}, 12) == "24000/1001");
  CHECK(ordered({{"layer.cut.fps", "30000/1001"}}, 12) == "30000/1001");
  CHECK(ordered({{"fps", "25"}}, 12) == "25");
  CHECK(ordered({}, 12) == "12");  // through the command between
  CHECK(ordered({}, 0) == "none");
}

TEST_CASE("a rate that is none is refused with its field") {
  for (const auto& [key, value] : SpecOverrides{{"fps", "0"}, {"layer.cut.fps", "24/0"}, {"fps", "true"}}) {
    const ParsedSpec parsed = parse_spec(kMovie, SpecFormat::Detect, {{key, value}});
    REQUIRE(parsed.errors.size() == 1);
    CHECK(parsed.errors[0].field == (key == "fps" ? "fps" : "layer[0].fps"));
  }
}

}  // namespace
}  // namespace framemill::jobs
