#include "jobs/check.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

#include "tests/jobs/plan_support.h"

namespace framemill::jobs {
namespace {

using namespace test;

std::string harbor() {
  std::ifstream file(FRAMEMILL_SOURCE_DIR "/configs/jobs/harbor.toml");
  REQUIRE(file.good());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

PackageFacts demo_clips() {
  PackageFacts facts = package(16, 4);
  facts.name = "demo-clips";
  return facts;
}

TEST_CASE("checking the sample job with its package gives windows, tasks and paths") {
  const Packages packages(demo_clips());
  const CheckReport report = check_job(harbor(), SpecFormat::Detect, {}, &packages);
  for (const SpecError& error : report.errors) UNSCOPED_INFO(error.code << ": " << error.message);
  REQUIRE(report.errors.empty());
  CHECK(report.packages_checked);
  CHECK(report.version_assumed);
  REQUIRE(report.layers.size() == 5);
  const LayerCheck& boards = report.layers[0];
  CHECK(boards.variants == 6);
  CHECK(boards.windows == 1u);
  CHECK(boards.tasks == 12u);
  CHECK(boards.frames == "1-16");
  const LayerCheck& shot = report.layers[1];
  CHECK(shot.frames == "993-1104");
  CHECK(shot.frame_count == 112);
  CHECK(shot.windows == 10u);
  CHECK(shot.tasks == 20u);
  CHECK(shot.first_output == "harbor/hb/hb_0010/v001/hb_0010_t00_v001.0993.exr");
  CHECK(shot.last_output == "harbor/hb/hb_0010/v001/hb_0010_t00_v001.1104.exr");
  const LayerCheck& cut = report.layers[3];
  CHECK(cut.tasks == 1u);
  CHECK_FALSE(cut.windows);
  CHECK(cut.frames.empty());
  CHECK(cut.first_output == "harbor/hb/hb_all/cut/v001/hb_all_cut_v001.mp4");
  CHECK(cut.last_output == cut.first_output);
  std::uint32_t windows = 0;
  for (const LayerCheck& layer : report.layers) windows += layer.windows.value_or(0) * layer.variants;
  CHECK(windows >= 20);
}

TEST_CASE("without packages a check is of form alone") {
  const CheckReport report = check_job(harbor(), SpecFormat::Detect, {{"version", "4"}}, nullptr);
  CHECK(report.errors.empty());
  CHECK_FALSE(report.packages_checked);
  CHECK_FALSE(report.version_assumed);
  REQUIRE(report.layers.size() == 5);
  CHECK_FALSE(report.layers[1].windows);
  CHECK_FALSE(report.layers[1].tasks);
  CHECK(report.layers[3].tasks == 1u);
  CHECK(report.layers[0].last_output == "harbor/hb/hb_all/boards/v004/hb_all_boards_t05_v004.0016.exr");
}

TEST_CASE("what packages and planning refuse has its place in the text") {
  const Packages packages(demo_clips());
  const std::string text = harbor();
  const CheckReport words = check_job(text, SpecFormat::Detect, {}, &packages);
  REQUIRE(words.errors.empty());
  std::string zebra = text;
  zebra.replace(zebra.find("red boat", zebra.find("prompt = ")), 8, "zebra a ");
  const CheckReport report = check_job(zebra, SpecFormat::Detect, {}, &packages);
  REQUIRE(report.errors.size() == 1);  // the shots inherit the prompt, and it is told once
  CHECK(report.errors[0].code == "prompt.unknown_word");
  const auto lines_before =
      std::count(zebra.begin(), zebra.begin() + static_cast<std::ptrdiff_t>(zebra.find("prompt = ")), '\n');
  CHECK(report.errors[0].line == static_cast<std::uint32_t>(lines_before + 1));
  const CheckReport unknown = check_job(text, SpecFormat::Detect, {{"layer.hb_0010.model", "demo-clip@1"}}, &packages);
  REQUIRE(unknown.errors.size() == 1);
  CHECK(unknown.errors[0].code == "spec.unknown_model");
  CHECK(unknown.errors[0].suggestion == "demo-clips@1");
  // What --set brought in stands nowhere in the text: it is told at its layer.
  const auto before_layer = std::count(
      text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find("[[layer]]\nname = \"hb_0010\"")), '\n');
  CHECK(unknown.errors[0].line == static_cast<std::uint32_t>(before_layer + 1));
}

TEST_CASE("a bad spec has errors and no layers") {
  const CheckReport report = check_job("x = ", SpecFormat::Detect, {}, nullptr);
  CHECK(report.errors.size() == 1);
  CHECK(report.layers.empty());
  CHECK_FALSE(report.spec);
}

TEST_CASE("the worked example of the plans page is what planning gives") {
  auto boards = generate("boards", "1-16", {1, 16}, PlanStrategy::Independent, 2);
  auto comp = generate("comp", "1005,1038-1040", {1001, 1040}, PlanStrategy::Chain);
  comp.inputs = {from("boards", 1)};
  const auto result = plan_job(job({boards, comp}), 1, Packages(package(16, 4)));
  REQUIRE(result.plan);
  const auto& phases = result.plan->phases;
  REQUIRE(phases.size() == 6);
  CHECK(phases[4].task_count == 4);
  CHECK(phases[4].grid.origin == 997);
  CHECK(phases[4].grid.first_latent(3) == 36);
  CHECK(phases[4].needs[0].phase == 3);
  CHECK(phases[4].needs[0].frames.text() == "13-16");
  CHECK(phases[5].windows == std::vector<TaskRange>{{0, 1}, {3, 1}});
  CHECK(phases[5].needs[1].lo == 2);
  CHECK(phases[5].grid.window_first(3) == 1033);
  CHECK(phases[5].grid.new_frames(3).first == 1037);
  CHECK(task_frames(phases[5], 1).text() == "1038-1040");
}

const std::string kShot =
    "api = \"framemill/v1\"\nname = \"t\"\nshow = \"s\"\nshot = \"sh\"\n"
    "[[layer]]\nname = \"comp\"\nkind = \"generate\"\nmodel = \"clips@1\"\nprompt = \"x\"\n";

TEST_CASE("windows that will not connect are warned of where no plan was chosen") {
  const Packages packages(package(16, 4));
  const auto warnings = [&](const std::string& rest) {
    const CheckReport report = check_job(kShot + rest, SpecFormat::Detect, {}, &packages);
    CHECK(report.errors.empty());
    return report.warnings;
  };
  const auto found = warnings("frames = \"1-40\"\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == "spec.windows_not_connected");
  CHECK(found[0].field == "layer[0].plan");
  CHECK(found[0].line == 5u);
  CHECK(sentence(found[0]).find("3 windows of 16 frames") != std::string::npos);
  CHECK(warnings("frames = \"1-16\"\n").empty());
  CHECK(warnings("frames = \"1-40\"\nplan = \"independent\"\n").empty());
  CHECK(warnings("frames = \"1-40\"\nplan = \"chain\"\n").empty());
}

TEST_CASE("a chain that begins at another layer's frames, because no range was given, is warned of") {
  const Packages packages(package(16, 4));
  const std::string boards =
      "frames = \"1-16\"\n[[layer]]\nname = \"shot\"\nkind = \"generate\"\nmodel = \"clips@1\"\n"
      "prompt = \"x\"\nplan = \"chain\"\n";
  const auto warnings = [&](const std::string& head, const std::string& rest) {
    const CheckReport report = check_job(head + kShot + boards + rest, SpecFormat::Detect, {}, &packages);
    CHECK(report.errors.empty());
    return report.warnings;
  };
  const auto found = warnings("", "frames = \"1001-1040\"\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == "spec.idle_windows");
  CHECK(found[0].field == "layer[1].frames");
  CHECK(found[0].line.has_value());
  CHECK(found[0].message.find("begins at frame 1,") != std::string::npos);
  CHECK(found[0].message.find("83 of its 87 windows") != std::string::npos);
  CHECK(found[0].expected.find("shot_range = \"1001-1040\"") != std::string::npos);
  CHECK(warnings("", "frames = \"1001-1040\"\nshot_range = \"1001-1040\"\n").empty());
  CHECK(warnings("", "frames = \"1030-1040\"\nshot_range = \"1001-1040\"\n").empty());  // a retake
  CHECK(warnings("shot_range = \"1-1040\"\n", "frames = \"1001-1040\"\n").empty());
  CHECK(warnings("", "frames = \"1-40\"\n").empty());
}

TEST_CASE("a movie without a rate is warned of, one with a rate is not") {
  PackageFacts facts = package(16, 4);
  facts.fps = 12;
  const Packages packages(facts);
  const std::string job = "api = \"framemill/v1\"\nname = \"t\"\nshow = \"s\"\nshot = \"sh\"\n";
  const std::string plates =
      "[[layer]]\nname = \"cut\"\nkind = \"encode\"\n"
      "input = [{root = \"main\", pattern = \"a.{frame}.exr\", frames = \"1-5\"}]\n";
  const auto warnings = [&](const std::string& text) {
    const CheckReport report = check_job(text, SpecFormat::Detect, {}, &packages);
    CHECK(report.errors.empty());
    return report.warnings;
  };
  const auto found = warnings(job + plates);
  REQUIRE(found.size() == 1);
  CHECK(found[0].code == "spec.no_rate");
  CHECK(found[0].line == 5u);
  CHECK(sentence(found[0]).find("or 24 where they have none (write fps = 24") != std::string::npos);
  CHECK(warnings(job + plates + "fps = 25\n").empty());
  CHECK(warnings(job + "fps = \"24000/1001\"\n" + plates).empty());
  CHECK(warnings(kShot +
                 "frames = \"1-16\"\n[[layer]]\nname = \"cut\"\nkind = \"encode\"\ninput = [{layer = \"comp\"}]\n")
            .empty());
}

TEST_CASE("a model without its version is answered with the newest package of that name") {
  class Shelf : public PackageCatalogue {
   public:
    const PackageFacts* find(std::string_view id) const override {
      return id == "clips@10" || id == "clips@9" || id == "stills@1" ? &facts_ : nullptr;
    }
    std::vector<std::string> ids() const override { return {"clips@10", "clips@9", "stills@1"}; }
    base::Status check_prompt(std::string_view, std::string_view prompt) const override {
      if (prompt == "sea") return {};
      return base::Error{"prompt.unknown_word", "no such word", "", ""};
    }

   private:
    PackageFacts facts_ = package(16, 4);
  } shelf;
  const auto errors = [&](const std::string& model, const std::string& prompt) {
    return check_job(
               "api = \"framemill/v1\"\nname = \"t\"\nshow = \"s\"\nshot = \"sh\"\n[[layer]]\nname = \"comp\"\n"
               "kind = \"generate\"\nframes = \"1-16\"\nmodel = " +
                   model + "\nprompt = \"" + prompt + "\"\n",
               SpecFormat::Toml, {}, &shelf)
        .errors;
  };
  const auto plain = errors("\"clips\"", "xyzzy");
  REQUIRE(plain.size() == 2);
  CHECK(plain[0].code == "spec.bad_model");
  CHECK(plain[0].suggestion == "clips@10");
  CHECK(plain[1].code == "prompt.unknown_word");
  CHECK(errors("\"stils\"", "sea").at(0).suggestion == "stills@1");
  CHECK(errors("clips", "sea").at(0).suggestion == "write \"clips@10\"");
  CHECK(errors("\"house\"", "sea").at(0).expected == "one of clips@10, clips@9, stills@1");
}

TEST_CASE("a retake whose windows lie elsewhere than the earlier version's is noticed") {
  const Packages packages(package(16, 4));
  const auto differences = [&](const std::string& earlier, const std::string& now) {
    const JobSpec a = parse_spec(kShot + earlier).spec.value(), b = parse_spec(kShot + now).spec.value();
    return grid_differences(b, *plan_job(b, 2, packages).plan, a, *plan_job(a, 1, packages).plan, 1);
  };
  const std::string whole = "shot_range = \"1001-1096\"\nhandles = \"+8\"\n";
  const auto found = differences(whole, "frames = \"1020-1030\"\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].find("begin at frame 1020, those of version 1 at frame 993") != std::string::npos);
  CHECK(found[0].find("shot_range = \"1001-1096\", handles = \"+8\"") != std::string::npos);
  CHECK(differences(whole, "shot_range = \"1001-1096\"\nframes = \"1020-1030\"\n").size() == 1);
  CHECK(differences(whole, whole + "frames = \"1020-1030\"\n").empty());
  CHECK(differences("frames = \"1-32\"\n", "frames = \"1-48\"\n").empty());
  CHECK(differences("frames = \"1-32\"\n", "frames = \"1-32\"\nplan = \"chain\"\n").size() == 1);
  CHECK(differences("frames = \"1-32\"\n", "frames = \"101-132\"\n").empty());  // other frames
}

}  // namespace
}  // namespace framemill::jobs
