#include "worker/supervisor/command_line.h"

#include <catch2/catch.hpp>

#include "wire/farm.pb.h"

using namespace framemill;
using namespace framemill::worker;

namespace {

const std::map<std::string, std::string> kPrograms{{"cp", "/usr/bin/cp"}};
const std::string kStaging = "/mnt/50% done/.framemill/1";

wire::Grant make_grant(std::initializer_list<const char*> arguments, const std::string& frames = "1-20",
                       bool paths = true) {
  wire::Grant grant;
  grant.mutable_tasks()->set_job(12);
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_show("harbor");
  recipe.set_shot("hb_0010");
  recipe.set_layer("grade");
  recipe.set_version(3);
  recipe.set_frames(frames);
  recipe.set_frames_per_task(1);
  recipe.set_output_printf("harbor/grade.%04d.exr");
  wire::CommandRecipe& command = *recipe.mutable_command();
  command.add_argv("cp");
  for (const char* argument : arguments) command.add_argv(argument);
  command.set_paths(paths);
  command.set_reads_own_frame(true);
  command.set_prompt("sea at dusk");
  command.set_seed(9007199254740993);
  command.set_variant(2);
  return grant;
}

void add_input(wire::Grant& grant, const std::string& name, bool has_frames = true) {
  wire::CommandInput& input = *grant.mutable_recipe()->mutable_command()->add_inputs();
  input.set_name(name);
  input.set_has_frames(has_frames);
}

void add_file(wire::Grant& grant, std::uint32_t input, std::uint32_t task, std::int32_t frame, const std::string& path,
              bool for_all = false) {
  wire::InputFile& file = *grant.add_inputs();
  file.set_input(input);
  file.set_root("plates");
  file.set_path(path);
  file.set_frame(frame);
  file.set_task(task);
  file.set_for_all_tasks(for_all);
}

std::vector<std::string> arguments(const wire::Grant& grant, const jobs::TaskRange& tasks) {
  const auto plan = plan_command(grant, tasks, kPrograms, kStaging);
  INFO((plan.ok() ? "" : plan.error().message));
  REQUIRE(plan.ok());
  return {plan->argv.begin() + 1, plan->argv.end()};
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("with one frame a run, a command's input and output are paths of files") {
  wire::Grant grant = make_grant({"{input}", "{output}"});
  add_input(grant, "");
  add_file(grant, 0, 4, 5, "hb/plate.0005.exr");
  CHECK(arguments(grant, {4, 1}) == Words{kStaging + "/in/plate.0005.exr", kStaging + "/out/grade.0005.exr"});
}

TEST_CASE("with several frames a run they are printf patterns, and a root's own percent sign is escaped") {
  wire::Grant grant = make_grant({"{input}", "{output}"}, "1-20", false);
  add_input(grant, "");
  for (const std::uint32_t task : {4u, 5u}) add_file(grant, 0, task, static_cast<std::int32_t>(task) + 1, "p.exr");
  const std::string directory = "/mnt/50%% done/.framemill/1";
  CHECK(arguments(grant, {4, 2}) == Words{directory + "/in/input.%04d.exr", directory + "/out/grade.%04d.exr"});
  // Also where the last run of the phase has a single frame left.
  CHECK(arguments(grant, {5, 1}) == Words{directory + "/in/input.%04d.exr", directory + "/out/grade.%04d.exr"});
}

TEST_CASE("inputs are named by number or by name, also with files of one name") {
  wire::Grant grant = make_grant({"{input:0}", "{input:plate}", "{input:1}"});
  add_input(grant, "");
  add_input(grant, "plate");
  add_file(grant, 0, 0, 1, "a/x.0001.exr");
  add_file(grant, 1, 0, 1, "b/x.0001.exr");
  const auto plan = plan_command(grant, {0, 1}, kPrograms, kStaging);
  REQUIRE(plan.ok());
  CHECK(plan->argv[1] == kStaging + "/in/0.x.0001.exr");
  CHECK(plan->argv[2] == kStaging + "/in/1.x.0001.exr");
  CHECK(plan->argv[3] == plan->argv[2]);
  REQUIRE(plan->links.size() == 2);
  CHECK(plan->links[0].name == "0.x.0001.exr");
  CHECK(plan->links[1].input == 1);
}

TEST_CASE("frames that neighbouring tasks share are linked once, and one file for all tasks is a path") {
  wire::Grant grant = make_grant({"{input:0}", "{input:lut}", "{frames}"}, "1-20", false);
  grant.mutable_recipe()->mutable_command()->set_reads_own_frame(false);
  add_input(grant, "");
  add_input(grant, "lut", false);
  for (const std::uint32_t task : {1u, 2u})
    for (std::int32_t frame = static_cast<std::int32_t>(task); frame < static_cast<std::int32_t>(task) + 3; ++frame)
      add_file(grant, 0, task, frame, "p." + std::to_string(frame) + ".exr");
  add_file(grant, 1, 0, 0, "luts/show.cube", true);
  const auto plan = plan_command(grant, {1, 2}, kPrograms, kStaging);
  REQUIRE(plan.ok());
  CHECK(plan->links.size() == 5);  // frames 1-4 and the table
  CHECK(plan->argv[1] == "/mnt/50%% done/.framemill/1/in/input0.%04d.exr");
  CHECK(plan->argv[2] == kStaging + "/in/1.show.cube");
  CHECK(plan->argv[3] == "2-3");
}

TEST_CASE("every token has its value, numbers at the width they ask for") {
  const wire::Grant grant =
      make_grant({"{frame} {frame:06} {frames} {step} {chunk_first}-{chunk_last}",
                  "{show}/{sequence}/{shot}/{layer}/v{version:03}", "{variant:02} {seed} {job}", "{prompt}"});
  CHECK(arguments(grant, {6, 1}) ==
        Words{"7 000007 7 1 7-7", "harbor//hb_0010/grade/v003", "02 9007199254740993 12", "sea at dusk"});
}

TEST_CASE("a chunk hands over its frames as a list, and their step") {
  const wire::Grant grant = make_grant({"{frames}", "{chunk_first}", "{chunk_last}"}, "1-3,90,99", false);
  CHECK(arguments(grant, {0, 5}) == Words{"1-3,90,99", "1", "99"});
  const wire::Grant steps = make_grant({"{step}"}, "1-20x3", false);
  CHECK(arguments(steps, {1, 4}) == Words{"3"});
}

TEST_CASE("braces that are no token reach the program as they are") {
  const wire::Grant grant = make_grant({"{TOP.width/2}x0", "{\"take\": 2}", "{}", "{{frame}}", "%04d"});
  CHECK(arguments(grant, {0, 1}) == Words{"{TOP.width/2}x0", "{\"take\": 2}", "{}", "{1}", "%04d"});
}

TEST_CASE("one task of all frames has one output, and its inputs as a pattern") {
  wire::Grant grant = make_grant({"{input}", "{output}"}, "1-3", false);
  grant.mutable_recipe()->set_frames_per_task(3);
  grant.mutable_recipe()->set_output_printf("harbor/hb_0010.mov");
  add_input(grant, "");
  for (std::int32_t frame = 1; frame <= 3; ++frame) add_file(grant, 0, 0, frame, "p.exr", true);
  const auto plan = plan_command(grant, {0, 1}, kPrograms, kStaging);
  REQUIRE(plan.ok());
  CHECK(plan->argv[1] == "/mnt/50%% done/.framemill/1/in/input.%04d.exr");
  CHECK(plan->argv[2] == kStaging + "/out/hb_0010.mov");
  REQUIRE(plan->expected.size() == 1);
  CHECK_FALSE(plan->expected[0].has_frame);
  CHECK(plan->links.size() == 3);
}

TEST_CASE("arguments that grow beyond what a program can be given are refused by name") {
  wire::Grant grant = make_grant({"{prompt}{prompt}{prompt}"});
  grant.mutable_recipe()->mutable_command()->set_prompt(std::string(60'000, 'x'));
  const auto plan = plan_command(grant, {0, 1}, kPrograms, kStaging);
  REQUIRE_FALSE(plan.ok());
  CHECK(plan.error().code == "command.too_long");
}
