#include <catch2/catch.hpp>

#include "cli/sheet_request.h"
#include "fake_scheduler.h"
#include "run.h"
#include "samples.h"
#include "wire/farm.pb.h"

namespace framemill::cli {
namespace {

const std::string kDigest(64, 'a');

std::string plan_json() {
  return R"({"job":12,"version":3,"plan_digest":"ab","models":[{"id":"demo-clips@1","digest":")" + kDigest + R"("}],
    "spec":{"layer":[{"name":"boards","kind":"generate","model":"demo-clips@1","prompt":"hills"},
                     {"name":"hb_0010","kind":"generate","model":"demo-clips@1","prompt":"boat","input":[{"layer":"boards","variant":1}]},
                     {"name":"cut","kind":"encode","input":[{"layer":"boards"}]},
                     {"name":"grade","kind":"command","argv":["cp","{input}","{output}"],"input":[{"layer":"hb_0010"}]}]},
    "layers":[{"index":0,"name":"boards","kind":"generate","shot":"hb","seeds":[7,9],
               "grid":{"origin":1,"window_frames":16,"context_frames":0,"windows":1},
               "phases":[{"index":0,"kind":"denoise","variant":0,"tasks":1,"frames":""},{"index":1,"kind":"decode","variant":0,"tasks":1,"frames":"1-16"},
                         {"index":2,"kind":"denoise","variant":1,"tasks":1,"frames":""},{"index":3,"kind":"decode","variant":1,"tasks":1,"frames":"1-16"}]},
              {"index":1,"name":"hb_0010","kind":"generate","shot":"hb_0010","seeds":[1],
               "grid":{"origin":1001,"window_frames":16,"context_frames":4,"windows":3},
               "phases":[{"index":4,"kind":"decode","variant":0,"tasks":3,"frames":"1001-1020"}]},
              {"index":2,"name":"cut","kind":"encode","shot":"hb","seeds":[],"grid":null,
               "phases":[{"index":5,"kind":"encode","variant":0,"tasks":1,"frames":""}]},
              {"index":3,"name":"grade","kind":"command","shot":"hb_0010","seeds":[],"grid":null,
               "phases":[{"index":6,"kind":"command","variant":0,"tasks":20,"frames":"1001-1020"}]},
              {"index":4,"name":"prores","kind":"command","shot":"hb_0010","seeds":[],"grid":null,
               "phases":[{"index":7,"kind":"command","variant":0,"tasks":1,"frames":""}]}]})";
}

FrameView frame_of(const std::string& layer, std::int64_t variant, std::int64_t number, const std::string& state) {
  FrameView frame;
  frame.layer = layer;
  frame.variant = variant;
  frame.frame = number;
  frame.kind = "frame";
  frame.state = state;
  frame.root = "main";
  frame.path = "p.exr";
  frame.sha256 = kDigest;
  frame.size_bytes = 5;
  return frame;
}

}  // namespace

TEST_CASE("a sheet's request has a row per variant and the published frames") {
  const auto bytes = sheet_request(*parse_json(plan_json()),
                                   {frame_of("boards", 1, 4, "published"), frame_of("hb_0010", 0, 1001, "committed")},
                                   {8, 192, "harbor", ""});
  REQUIRE(bytes.ok());
  wire::Grant grant;
  REQUIRE(grant.ParseFromString(*bytes));
  CHECK(grant.recipe().show() == "harbor");
  CHECK(grant.recipe().version() == 3);
  const wire::SheetRecipe& sheet = grant.recipe().sheet();
  REQUIRE(sheet.rows_size() == 4);
  CHECK(sheet.rows(0).seed() == 7);
  CHECK(!sheet.rows(0).chosen());
  CHECK(sheet.rows(1).seed() == 9);
  CHECK(sheet.rows(1).chosen());
  CHECK(sheet.rows(1).prompt() == "hills");
  CHECK(sheet.rows(1).window_joins_size() == 0);
  CHECK(sheet.rows(2).frames() == "1001-1020");
  REQUIRE(sheet.rows(2).window_joins_size() == 1);
  CHECK(sheet.rows(2).window_joins(0) == 1017);  // the first frame of the second window that is its own
  REQUIRE(grant.inputs_size() == 1);
  CHECK(grant.inputs(0).layer() == "boards");
  CHECK(grant.inputs(0).frame() == 4);
  CHECK(grant.inputs(0).shot() == "hb");
}

TEST_CASE("a sheet shows the frames of a command layer, without a model") {
  FrameView frame = frame_of("grade", 0, 1001, "published");
  frame.path = "harbor/grade.1001.png";
  const auto bytes = sheet_request(*parse_json(plan_json()), {frame}, {8, 192, "harbor", "grade"});
  REQUIRE(bytes.ok());
  wire::Grant grant;
  REQUIRE(grant.ParseFromString(*bytes));
  REQUIRE(grant.recipe().sheet().rows_size() == 1);
  CHECK(grant.recipe().sheet().rows(0).layer() == "grade");
  CHECK(grant.recipe().sheet().rows(0).frames() == "1001-1020");
  CHECK(grant.recipe().sheet().rows(0).model().empty());
  REQUIRE(grant.inputs_size() == 1);
  CHECK(grant.inputs(0).path() == "harbor/grade.1001.png");
}

TEST_CASE("a sheet of frames that it cannot show is refused by name") {
  FrameView frame = frame_of("grade", 0, 1001, "published");
  frame.path = "harbor/grade.1001.jpg";
  const auto bytes = sheet_request(*parse_json(plan_json()), {frame}, {8, 192, "harbor", "grade"});
  REQUIRE(!bytes.ok());
  CHECK(bytes.error().code == "sheet.format");
  CHECK_THAT(bytes.error().message, Catch::Contains("grade.1001.jpg"));
}

TEST_CASE("a sheet of a layer that makes no frames is refused") {
  const std::string layer = GENERATE("cut", "prores");
  const auto bytes = sheet_request(*parse_json(plan_json()), {}, {8, 192, "harbor", layer});
  REQUIRE(!bytes.ok());
  CHECK(bytes.error().code == "sheet.nothing");
  CHECK(!sheet_request(*parse_json(R"({"version":1,"layers":[7],"models":[],"spec":{"layer":[]}})"), {}, {}).ok());
}

TEST_CASE("sheet names a root that this host does not know") {
  testing::FakeScheduler scheduler;
  scheduler.on("GET /api/v1/jobs/12", testing::job_json({}));
  scheduler.on("GET /api/v1/jobs/12/plan", plan_json());
  scheduler.on(
      "GET /api/v1/jobs/12/frames?limit=1000",
      R"({"items":[{"layer":"boards","variant":0,"seed":7,"frame":1,"kind":"frame","state":"published","root":"main",)"
      R"("path":"p.exr","size_bytes":5,"sha256":"aa","samples_sha256":null}],"next":null})");
  scheduler.on("GET /api/v1/roots", R"({"items":[{"name":"main","path":null,"workers":["w1"]}]})");
  testing::Program program(scheduler.url());
  const auto done = program.run({"sheet", "12", "-o", (program.home.path() / "s.png").string()});
  CHECK(done.code == 2);
  CHECK(done.err.find("--root main=PATH") != std::string::npos);
}

}  // namespace framemill::cli
