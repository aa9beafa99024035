#include <boost/json.hpp>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "run.h"

namespace framemill::cli {
namespace {

using testing::Program;

const std::string kSpec = R"(api = "framemill/v1"
name = "storm"
show = "harbor"
sequence = "hb"
shot = "hb_0010"

[[layer]]
name = "boards"
kind = "generate"
model = "demo-clips@1"
prompt = "snowy hills"
frames = "1001-1016"
variants = 2
root = "main"
)";

}  // namespace

TEST_CASE("check without packages tells frames and output names, not windows") {
  Program program;
  const auto file = program.home.write("shot.toml", kSpec);
  const auto done = program.run({"check", file.string()});
  INFO(done.err);
  REQUIRE(done.code == 0);
  CHECK(done.out.find("boards  generate  hb_0010  1001-1016     16         2        -      -") != std::string::npos);
  CHECK(done.out.find("  boards t01: main:harbor/hb/hb_0010/boards/v001/hb_0010_boards_t01_v001.1001.exr\n"
                      "    to harbor/hb/hb_0010/boards/v001/hb_0010_boards_t01_v001.1016.exr\n") != std::string::npos);
  CHECK(done.out.find("Form alone was checked") != std::string::npos);
}

TEST_CASE("check takes overrides, and standard input") {
  Program program;
  program.input = kSpec;
  const auto done = program.run({"check", "-", "--set", "layer.boards.frames=1001-1004", "--json"});
  REQUIRE(done.code == 0);
  const auto layer = boost::json::parse(done.out).at("layers").at(0);
  CHECK(layer.at("frame_count").as_int64() == 4);
  CHECK(layer.at("windows").is_null());
}

TEST_CASE("check shows errors of a spec with their place and leaves with 2") {
  Program program;
  std::string spec = kSpec;
  spec.replace(spec.find("prompt"), 6, "promt");
  const auto file = program.home.write("shot.toml", spec);
  const auto done = program.run({"check", file.string()});
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  CHECK(done.err.find("shot.toml:11:1: error: ") != std::string::npos);
  CHECK(done.err.find("   11 | promt = \"snowy hills\"\n      | ^\n") != std::string::npos);
  CHECK(done.err.find("[spec.unknown_key]") != std::string::npos);
  CHECK(done.err.find("prompt") != std::string::npos);
}

TEST_CASE("check with packages knows the model and its windows") {
  const std::filesystem::path models = std::filesystem::path(FRAMEMILL_SOURCE_DIR) / "models";
  Program program;
  const auto file = program.home.write("shot.toml", kSpec);
  const auto unknown =
      program.run({"check", file.string(), "--models", models.string(), "--set", "layer.boards.model=demo-clip@1"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find(":10:") != std::string::npos);
  const auto known = program.run({"check", file.string(), "--models", models.string(), "--json"});
  INFO(known.out << known.err);
  REQUIRE(known.code == 0);
  const auto layer = boost::json::parse(known.out).at("layers").at(0);
  CHECK(layer.at("windows").as_int64() == 1);
  CHECK(layer.at("tasks").as_int64() == 4);  // two variants, each denoised and decoded
  const auto word =
      program.run({"check", file.string(), "--models", models.string(), "--set", "layer.boards.prompt=snowy hilz"});
  CHECK(word.code == 2);
  CHECK(word.err.find("hilz") != std::string::npos);
}

TEST_CASE("the sample jobs are right") {
  const std::filesystem::path samples = std::filesystem::path(FRAMEMILL_SOURCE_DIR) / "configs/jobs";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(samples)) {
    Program program;
    const auto done = program.run({"check", entry.path().string()});
    INFO(entry.path() << "\n" << done.err);
    CHECK(done.code == 0);
    ++seen;
  }
  CHECK(seen > 0);
}

}  // namespace framemill::cli
