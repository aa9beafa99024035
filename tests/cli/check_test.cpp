#include <boost/json.hpp>

#include <catch2/catch.hpp>
#include <iostream>
#include <thread>

#include "base/file.h"
#include "cli/spec_source.h"
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

TEST_CASE("check without packages prints frames and output names, not windows") {
  Program program;
  const auto file = program.home.write("shot.toml", kSpec);
  const auto done = program.run({"check", file.string()});
  INFO(done.err);
  REQUIRE(done.code == 0);
  CHECK(done.out.find("shot.toml: storm harbor/hb/hb_0010, the next free version") != std::string::npos);
  CHECK(done.out.find("boards  generate  hb_0010  1001-1016     16         2        -      -") != std::string::npos);
  CHECK(done.out.find("  boards t01: main:harbor/hb/hb_0010/boards/v001/hb_0010_boards_t01_v001.1001.exr\n"
                      "    to harbor/hb/hb_0010/boards/v001/hb_0010_boards_t01_v001.1016.exr\n") != std::string::npos);
  CHECK(done.out.find("Only the form was checked") != std::string::npos);
}

TEST_CASE("check reads a JSON spec with a byte order mark, and names other encodings with the line") {
  Program program;
  const std::string json =
      R"({"api":"framemill/v1","name":"n","show":"s","shot":"s1","layer":[{"name":"a","kind":"generate",)"
      R"("model":"demo-clips@1","prompt":"sea","frames":"1-16"}]})";
  CHECK(program.run({"check", program.home.write("bom.json", "\xef\xbb\xbf" + json).string()}).code == 0);
  const auto latin = program.home.write("latin.toml",
                                        "api = \"framemill/v1\"\nname = \"Gr\xfc\xdf"
                                        "e\"\n");
  for (const char* verb : {"check", "submit"}) {
    const auto done = program.run({verb, latin.string()});
    CHECK(done.code == 2);
    CHECK(done.err.find(":2:11: error: line 2 holds the byte 0xFC") != std::string::npos);
  }
}

TEST_CASE("check reports every mistake at once, in the order of the lines") {
  Program program;
  std::string spec = kSpec;
  spec.replace(spec.find("\"1001-1016\""), 11, "1001-1016");
  spec.replace(spec.find("\"generate\""), 10, "\"generat\"");
  spec.replace(spec.find("variants = 2"), 12, "variants = 0\nseeds = 3");
  const auto done = program.run({"check", program.home.write("shot.toml", spec).string()});
  CHECK(done.code == 2);
  const std::size_t kind = done.err.find(":9:1: error: \"generat\" is not a legal value");
  const std::size_t frames = done.err.find(":12:1: error: write it in quotes: frames = \"1001-1016\"");
  const std::size_t variants = done.err.find(":13:1: error: 0 is not in 1 to 1024");
  const std::size_t seeds = done.err.find("help: did you mean \"variants\"?");
  INFO(done.err);
  CHECK(seeds != std::string::npos);
  CHECK((kind < frames && frames < variants && variants < seeds));
}

TEST_CASE("model verify and show report what is wrong with a package's weights") {
  Program program;
  const std::filesystem::path package = program.home.path() / "demo-clips@1";
  std::filesystem::copy(FRAMEMILL_SOURCE_DIR "/models/demo-clips@1", package, std::filesystem::copy_options::recursive);
  CHECK(program.run({"model", "verify", package.string()}).code == 0);
  std::string text = *base::read_file(package / "model.toml", 1 << 20);
  text.replace(text.find("layers = 6"), 10, "layers = 7");
  std::ofstream(package / "model.toml") << text;
  const auto verified = program.run({"model", "verify", package.string()});
  CHECK(verified.code == 2);
  CHECK(verified.err.find("missing tensors: transformer.layer6.") != std::string::npos);
  const auto as_json = boost::json::parse(program.run({"model", "verify", package.string(), "--json"}).out);
  CHECK_FALSE(as_json.at("ok").as_bool());
  CHECK(as_json.at("faults").at(0).at("code").as_string() == "model.weights");
  CHECK(program.run({"model", "show", package.string()}).out.find("note: weights.safetensors: ") != std::string::npos);
}

TEST_CASE("check takes overrides, and standard input") {
  Program program;
  program.input = kSpec;
  const auto done = program.run({"check", "-", "--set", "layer.boards.frames=1001-1004", "--json"});
  REQUIRE(done.code == 0);
  const auto layer = boost::json::parse(done.out).at("items").at(0).at("layers").at(0);
  CHECK(layer.at("frame_count").as_int64() == 4);
  CHECK(layer.at("windows").is_null());
}

TEST_CASE("check shows errors of a spec with their place and exits with status 2") {
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
  // The text's own model is right: what an override sets is told at its layer.
  CHECK(unknown.err.find("shot.toml:7:1: error: ") != std::string::npos);
  const auto known = program.run({"check", file.string(), "--models", models.string(), "--json"});
  INFO(known.out << known.err);
  REQUIRE(known.code == 0);
  const auto layer = boost::json::parse(known.out).at("items").at(0).at("layers").at(0);
  CHECK(layer.at("windows").as_int64() == 2);  // of both variants, as job counts them
  CHECK(layer.at("tasks").as_int64() == 4);    // two variants, each denoised and decoded
  const auto word =
      program.run({"check", file.string(), "--models", models.string(), "--set", "layer.boards.prompt=snowy hilz"});
  CHECK(word.code == 2);
  CHECK(word.err.find("hilz") != std::string::npos);
}

TEST_CASE("errors come in the order of the lines") {
  Program program;
  std::string spec = kSpec;
  spec.replace(spec.find("name = \"storm\""), 14, "name = \"storm\"\nwrong = 1");
  const auto parsed = boost::json::parse(
      program.run({"check", program.home.write("b.toml", spec + "zzz = 1\nseed = -1\n").string(), "--json"}).out);
  const auto errors = parsed.at("items").at(0).at("errors").as_array();
  REQUIRE(errors.size() >= 3);
  for (std::size_t i = 1; i < errors.size(); ++i)
    CHECK(errors[i - 1].at("line").as_int64() <= errors[i].at("line").as_int64());
}

TEST_CASE("several files are one JSON document, also when one cannot be read") {
  Program program;
  const auto good = program.home.write("good.toml", kSpec), bad = program.home.write("bad.toml", "x = ");
  const auto done = program.run({"check", good.string(), "/nowhere/x.toml", bad.string(), "--json"});
  CHECK(done.code == 2);
  const auto items = boost::json::parse(done.out).at("items").as_array();
  REQUIRE(items.size() == 3);
  CHECK(items[0].at("errors").as_array().empty());
  CHECK(items[1].at("errors").at(0).at("code").as_string() == "file.open");
  CHECK(items[2].at("errors").at(0).at("line").as_int64() == 1);
  CHECK(boost::json::parse(done.err).at("code").as_string() == "file.open");
  CHECK(program.run({"check", good.string(), good.string(), "--json"}).code == 0);
}

TEST_CASE("what is no readable text file is refused with a code, and nothing hangs") {
  Program program;
  const auto refused = [&](const std::string& file, const std::string& code) {
    const auto text = program.run({"check", file});
    INFO(text.err);
    CHECK(text.code == 2);
    CHECK(text.out.empty());
    CHECK(text.err.starts_with("framemill: "));
    CHECK(text.err.find("[" + code + "]") != std::string::npos);
    const auto as_json = program.run({"check", file, "--json"});
    CHECK(boost::json::parse(as_json.err).at("code").as_string() == code);
    const auto submitted = program.run({"submit", file, "--json"});
    CHECK(submitted.code == 2);
    CHECK(boost::json::parse(submitted.err).at("code").as_string() == code);
  };
  refused(program.home.write("large.toml", std::string(256 * 1024 + 1, '#')).string(), "file.too_large");
  refused(program.home.path().string(), "file.not_a_file");
  refused("/dev/zero", "file.not_a_file");
  refused("/nowhere/shot.toml", "file.open");
  if (::geteuid() != 0) refused(program.home.write("closed.toml", kSpec, 0000).string(), "file.open");
  CHECK(
      program
          .run({"check", program.home.write("full.toml", kSpec + std::string(256 * 1024 - kSpec.size(), '#')).string()})
          .code == 0);
}

TEST_CASE("a pipe is read to its end, and one into which nobody writes is given up") {
  Program program;
  const std::string pipe = (program.home.path() / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const auto silent = read_spec_source(pipe, {std::cin, -1}, base::milliseconds(20));
  REQUIRE_FALSE(silent.ok());
  CHECK(silent.error().code == "file.silent");
  std::thread writer([&] { std::ofstream(pipe) << kSpec; });
  const auto done = program.run({"check", pipe});
  writer.join();
  CHECK(done.code == 0);
}

TEST_CASE("standard input is read from its descriptor where there is one") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], kSpec.data(), kSpec.size()) == static_cast<ssize_t>(kSpec.size()));
  ::close(ends[1]);
  const auto source = read_spec_source("-", {std::cin, ends[0]});
  ::close(ends[0]);
  REQUIRE(source.ok());
  CHECK(source->text == kSpec);
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
