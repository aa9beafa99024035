// The size and length of windows that layers choose: what packages allow, what is said of the rest, what plans make of it.
#include "jobs/window_shape.h"

#include <catch2/catch.hpp>

#include "jobs/check.h"
#include "jobs/ordered_rate.h"
#include "tests/jobs/plan_support.h"

namespace framemill::jobs {
namespace {

using namespace test;

// As Wan 2.1 states it.
PackageFacts wan() {
  PackageFacts facts = package(81, 0, {4, 1});
  facts.width = 832;
  facts.height = 480;
  facts.fps = 16;
  facts.limits = {1, 121, 16, 1280, 1280, 1280 * 720};
  return facts;
}

std::string spec_text(const std::string& keys) {
  return R"(api = "framemill/v1"
name = "boats"
show = "harbor"
shot = "hb_0010"
shot_range = "1-162"
[[layer]]
name = "boats"
kind = "generate"
model = "clips@1"
prompt = "boats"
root = "frames"
frames = "1-162"
)" + keys;
}

SpecError only_error(const std::string& keys, const PackageFacts& facts) {
  const Packages packages(facts);
  const CheckReport report = check_job(spec_text(keys), SpecFormat::Toml, {}, &packages);
  REQUIRE(report.errors.size() == 1);
  return report.errors.front();
}

TEST_CASE("a layer's size, window and rate are kept, and absent where it gives none") {
  const ParsedSpec with = parse_spec(spec_text("size = \"1280X704\"\nwindow = 49\nfps = 23.98\n"));
  REQUIRE(with.spec);
  const WindowChoice& window = with.spec->layers[0].window();
  CHECK(window.size == PictureSize{1280, 704});
  CHECK(window.frames == 49);
  CHECK(window.fps == FrameRate{24000, 1001});
  const std::string json = canonical_json(*with.spec);
  CHECK_THAT(json, Catch::Contains("\"size\":\"1280x704\""));
  CHECK(parse_spec(json).spec == with.spec);
  const std::string without = canonical_json(*parse_spec(spec_text("")).spec);
  for (const char* key : {"\"size\"", "\"window\"", "\"fps\""})
    CHECK_THAT(without, !Catch::Contains(key));  // as specs were stored before there were these keys
  const ParsedSpec set =
      parse_spec(spec_text(""), SpecFormat::Toml, {{"layer.boats.size", "640x480"}, {"layer.boats.window", "17"}});
  REQUIRE(set.spec);
  CHECK(set.spec->layers[0].window().size == PictureSize{640, 480});
  CHECK(set.spec->layers[0].window().frames == 17);
}

TEST_CASE("windows of the chosen length cover the layer") {
  const Packages packages(wan());
  const auto windows = [&](const std::string& keys) {
    const ParsedSpec parsed = parse_spec(spec_text(keys));
    REQUIRE(parsed.spec);
    const PlanResult planned = plan_job(*parsed.spec, 1, packages);
    REQUIRE(planned.plan);
    const WindowGrid& grid = planned.plan->phases[0].grid;
    return std::pair{grid.window_frames, grid.window_count};
  };
  CHECK(windows("") == std::pair{81, 2u});
  CHECK(windows("window = 81") == std::pair{81, 2u});
  CHECK(windows("window = 121") == std::pair{121, 2u});
  CHECK(windows("window = 17") == std::pair{17, 10u});
}

TEST_CASE("a size that the package does not make is refused with the nearest one that it does") {
  const auto suggestion = [](const char* size) {
    const SpecError error = only_error(std::string("size = \"") + size + "\"", wan());
    CHECK(error.code == "spec.out_of_range");
    CHECK(error.field == "layer[0].size");
    CHECK(error.line == 13u);
    CHECK(error.expected == "multiples of 16 up to 1280x1280 and 921600 pixels");
    return error.suggestion;
  };
  CHECK(suggestion("832x483") == "832x480");
  CHECK(suggestion("830x475") == "832x480");
  CHECK(suggestion("1920x1080") == "1280x720");
  CHECK(suggestion("1280x1280") == "960x960");
  CHECK(suggestion("1x16384") == "16x1280");
  CHECK_THAT(only_error("size = \"832x483\"", wan()).message, Catch::Contains("483 is not a multiple of 16"));
  CHECK_THAT(only_error("size = \"1280x1280\"", wan()).message, Catch::Contains("1638400 pixels"));
  CHECK_THAT(only_error("size = \"1296x16\"", wan()).message, Catch::Contains("up to 1280x1280"));
}

TEST_CASE("what is suggested for any size is itself allowed") {
  const PackageFacts facts = wan();
  for (std::int32_t width = 1; width <= 4000; width += 37)
    for (std::int32_t height = 1; height <= 4000; height += 41) {
      const PictureSize near = nearest_size(facts, {width, height});
      CAPTURE(width, height, near.text());
      REQUIRE_FALSE(size_fault(facts, near));
      if (!size_fault(facts, {width, height})) REQUIRE(near == PictureSize{width, height});
    }
}

TEST_CASE("a window that the package does not make is refused with the lengths beside it") {
  const auto expected = [](int frames) {
    const SpecError error = only_error("window = " + std::to_string(frames), wan());
    CHECK(error.code == "spec.out_of_range");
    CHECK(error.field == "layer[0].window");
    return error.expected;
  };
  CHECK(expected(80) == "77 or 81 (4k+1, 1 to 121)");
  CHECK(expected(200) == "121 (4k+1, 1 to 121)");
  CHECK(expected(125) == "121 (4k+1, 1 to 121)");
  CHECK_THAT(only_error("window = 80", wan()).message, Catch::Contains("4k+1"));
}

TEST_CASE("a package of one size and length takes its own alone") {
  PackageFacts facts = package(16, 4);
  facts.width = facts.height = 64;
  const Packages packages(facts);
  CHECK(check_job(spec_text("size = \"64x64\"\nwindow = 16"), SpecFormat::Toml, {}, &packages).errors.empty());
  CHECK(only_error("size = \"128x64\"", facts).message == "clips@1 makes pictures of 64x64 alone");
  CHECK(only_error("size = \"128x64\"", facts).suggestion == "64x64");
  CHECK(only_error("window = 8", facts).message == "clips@1 makes windows of 16 frames alone");
}

TEST_CASE("a movie takes the rate of the layer that it shows before that of its package") {
  const std::string cut = R"([[layer]]
name = "cut"
kind = "encode"
root = "frames"
input = [{layer = "boats"}]
)";
  const PackageFacts facts = wan();
  const auto rate = [&](const std::string& keys) {
    const ParsedSpec parsed = parse_spec(spec_text(keys + "\n" + cut));
    REQUIRE(parsed.spec);
    return ordered_rate(*parsed.spec, parsed.spec->layers[1], [&](const std::string&) { return &facts; })->text();
  };
  CHECK(rate("") == "16");
  CHECK(rate("fps = 25") == "25");
}

TEST_CASE("memory of a window follows its shape") {
  PackageFacts facts = wan();
  MemoryPrior stated;
  stated.resident_bytes = 1000;
  stated.per_window_bytes = 832 * 480 * 81;
  CHECK(memory_of(facts, stated, window_shape(facts, {})) == stated);
  CHECK(memory_of(facts, stated, {{416, 480}, 81}).per_window_bytes == 416 * 480 * 81);
  CHECK(memory_of(facts, stated, {{832, 480}, 17}).per_window_bytes == 832 * 480 * 17);
  CHECK(memory_of(facts, stated, {{832, 480}, 17}).resident_bytes == 1000);
  MemoryPrior predicted;
  predicted.per_window_bytes = 7;
  predicted.pixel_bytes = 100;
  predicted.voxel_bytes = 3;
  CHECK(memory_of(facts, predicted, {{32, 16}, 5}).per_window_bytes == 7 + 100 * 512 + 3 * 512 * 5);
  CHECK(memory_of(facts, predicted, {{32, 16}, 5}).voxel_bytes == 0);
  predicted.voxel_bytes = UINT64_MAX;
  CHECK(memory_of(facts, predicted, {{16384, 16384}, 4096}).per_window_bytes >= UINT64_MAX / 4);  // saturates
}

}  // namespace
}  // namespace framemill::jobs
