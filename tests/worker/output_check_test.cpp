// What a command wrote is opened before it is committed: the real framemill-media, real files made by ffmpeg.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "tests/worker/scratch.h"
#include "wire/media.pb.h"
#include "worker/supervisor/child_runner.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

using namespace scratch;
using jobs::Outcome;

// A command whose output for frame N is a copy of the file N of a directory.
struct Delivery {
  explicit Delivery(const std::string& frames, std::uint32_t count, const std::string& ending = "png") {
    granted = grant(1);
    granted.mutable_tasks()->set_count(count);
    wire::Recipe& recipe = *granted.mutable_recipe();
    recipe.set_layer("grade");
    recipe.set_frames(frames);
    recipe.set_frames_per_task(1);
    recipe.set_output_printf("shot/c.%04d." + ending);
    for (const char* argument : {"sh", "-c", "cd \"$1\"; for f in *; do cp $f \"$(printf \"$2\" $f)\"; done", "x"})
      recipe.mutable_command()->add_argv(argument);
    recipe.mutable_command()->add_argv((area.directory / "made").string());
    recipe.mutable_command()->add_argv("{output}");
    settings.keeper = FRAMEMILL_BIN_DIR "/test-keeper";
    settings.media = FRAMEMILL_BIN_DIR "/framemill-media";
    settings.check = FRAMEMILL_BIN_DIR "/framemill-check";
    settings.commands = {{"sh", "/bin/sh"}};
    settings.environment = allowed_environment({});
    std::filesystem::create_directories(area.directory / "made");
  }
  void picture(int frame, const std::string& size, const std::string& format = "rgb24") {
    const std::string file = (area.directory / ("picture." + granted.recipe().output_printf().substr(12))).string();
    REQUIRE(std::system(("ffmpeg -v error -f lavfi -i testsrc=s=" + size + " -frames:v 1 -pix_fmt " + format + " -y '" +
                         file + "'")
                            .c_str()) == 0);
    std::filesystem::rename(file, area.directory / "made" / std::to_string(frame));
  }
  void text(int frame, const std::string& bytes) { area.write("made/" + std::to_string(frame), bytes); }
  std::string made(int frame) const { return area.read("made/" + std::to_string(frame)); }
  const EndedAttempt& run() {
    REQUIRE(prepare_staging(*root, attempt(1), granted, "key").ok());
    runner = ChildRunner::start(loop, io, {{"main", root}}, settings, granted, {0, granted.tasks().count()},
                                {[](const AttemptId&, const Progress&) {}, [](const AttemptId&, const std::string&) {},
                                 [this](FinishedTask t) { finished.push_back(std::move(t)); },
                                 [this](EndedAttempt e) { ended = std::move(e); }});
    const base::Instant until = base::monotonic_now() + base::seconds(60);
    while (!ended && base::monotonic_now() < until) loop.run_for(base::milliseconds(10));
    REQUIRE(ended);
    return *ended;
  }

  Scratch area;
  std::shared_ptr<const RootDirectory> root = area.root();
  net::EventLoop loop;
  IoThread io;
  wire::Grant granted;
  ChildRunnerSettings settings;
  std::shared_ptr<ChildRunner> runner;
  std::vector<FinishedTask> finished;
  std::optional<EndedAttempt> ended;
};

TEST_CASE("a good picture is committed with both digests, and one that is no picture is bad output") {
  Delivery good("1", 1);
  good.picture(1, "64x48");
  CHECK(good.run().outcome == Outcome::Ok);
  wire::FinishedTask task;
  REQUIRE(good.finished.size() == 1);
  REQUIRE(task.ParseFromString(good.finished[0].message));
  CHECK(task.files(0).samples_sha256().size() == 32);

  for (const std::string& bytes :
       {std::string(), std::string("<html><body>404</body></html>"), good.made(1).substr(0, good.made(1).size() / 2)}) {
    Delivery bad("1", 1);
    bad.text(1, bytes);
    const EndedAttempt& ended = bad.run();
    INFO(ended.code << ": " << ended.text);
    CHECK(ended.outcome == Outcome::BadOutput);
    CHECK(ended.code == (bytes.empty() ? "output.empty" : "output.unreadable"));
    CHECK(ended.frame == 1);
    CHECK(ended.text.find("frame 1 (c.0001.png)") != std::string::npos);
    CHECK(bad.finished.empty());
  }
}

TEST_CASE("check none commits whatever the file is, with a samples digest where it has one") {
  Delivery unchecked("1-3", 3);
  unchecked.granted.mutable_recipe()->set_unchecked(true);
  unchecked.text(1, "not a picture");
  unchecked.picture(2, "64x48");
  unchecked.picture(3, "32x24");
  CHECK(unchecked.run().outcome == Outcome::Ok);
  REQUIRE(unchecked.finished.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    wire::FinishedTask task;
    REQUIRE(task.ParseFromString(unchecked.finished[i].message));
    CHECK(task.files(0).samples_sha256().size() == (i == 0 ? 0 : 32));
  }
  Delivery dies("1", 1);
  dies.granted.mutable_recipe()->set_unchecked(true);
  dies.picture(1, "64x48");
  dies.area.write("media", "#!/bin/sh\nkill -SEGV $$\n");
  dies.settings.media = dies.area.directory / "media";
  dies.settings.check.clear();
  std::filesystem::permissions(dies.settings.media, std::filesystem::perms::owner_all);
  CHECK(dies.run().outcome == Outcome::Ok);
  CHECK(dies.finished.size() == 1);
}

TEST_CASE("a check that fails for its storage or its host gives the task back") {
  for (const std::string code : {"storage_full", "storage_failed", "host.memory", "host.installation"}) {
    Delivery hit("1", 1);
    hit.picture(1, "64x48");
    hit.area.write("media", "#!/bin/sh\necho '" + code + ": write check.reply: it did not work' >&2\nexit 1\n");
    hit.settings.media = hit.area.directory / "media";
    hit.settings.check.clear();
    std::filesystem::permissions(hit.settings.media, std::filesystem::perms::owner_all);
    const EndedAttempt& ended = hit.run();
    INFO(code);
    CHECK(ended.outcome == (code == "storage_full" ? Outcome::StorageFull : Outcome::NotAdmitted));
    CHECK(ended.code == code);
    CHECK(ended.storage_root == (code.starts_with("storage") ? "main" : ""));
  }
}

TEST_CASE("what the checker says is text, and a published frame that it found odd is reported with the task") {
  Delivery told("1", 1);
  told.picture(1, "64x48");
  wire::CheckReply reply;
  reply.add_files()->set_file(0);
  wire::CheckedOther& odd = *reply.add_odd();
  odd.set_frame(4);
  odd.set_message("it is\x1b[2J small\n");
  told.area.write("reply", reply.SerializeAsString());
  told.area.write("media", "#!/bin/sh\ncp '" + (told.area.directory / "reply").string() + "' \"$4/check.reply\"\n");
  told.settings.media = told.area.directory / "media";
  told.settings.check.clear();
  std::filesystem::permissions(told.settings.media, std::filesystem::perms::owner_all);
  CHECK(told.run().outcome == Outcome::Ok);
  wire::FinishedTask task;
  REQUIRE(told.finished.size() == 1);
  REQUIRE(task.ParseFromString(told.finished[0].message));
  REQUIRE(task.odd_size() == 1);
  CHECK(task.odd(0).frame() == 4);
  CHECK(task.odd(0).message() == "it is small ");

  Delivery refused("1", 1);
  refused.picture(1, "64x48");
  wire::CheckedFile& file = *reply.mutable_files(0);
  file.set_code("output.unreadable");
  file.set_message("line one\nline two\x1b]0;title\x07 " + std::string(2000, 'x') + "\u00e9");
  refused.area.write("reply", reply.SerializeAsString());
  refused.area.write("media",
                     "#!/bin/sh\ncp '" + (refused.area.directory / "reply").string() + "' \"$4/check.reply\"\n");
  refused.settings.media = refused.area.directory / "media";
  refused.settings.check.clear();
  std::filesystem::permissions(refused.settings.media, std::filesystem::perms::owner_all);
  const EndedAttempt& ended = refused.run();
  CHECK(ended.code == "output.unreadable");
  CHECK(ended.text == base::clean_text(ended.text, 1024));
  CHECK(ended.text.starts_with("line one line two"));
}

TEST_CASE("the frames of a chunk that are good are kept when another is not, and both sizes are named") {
  Delivery chunk("1-5", 5);
  for (const int frame : {1, 2, 3, 5}) chunk.picture(frame, "64x48");
  chunk.picture(4, "32x24");
  const EndedAttempt& ended = chunk.run();
  INFO(ended.text);
  CHECK(ended.outcome == Outcome::BadOutput);
  CHECK(ended.code == "output.size");
  CHECK(ended.frame == 4);
  CHECK(ended.failed_tasks == std::vector<jobs::TaskIndex>{3});
  CHECK(ended.text.find("frame 4 (c.0004.png): it is 32 x 24 pixels; frame 1") != std::string::npos);
  CHECK(ended.text.find("64 x 48") != std::string::npos);
  REQUIRE(chunk.finished.size() == 4);
  CHECK(chunk.finished[3].task == 4);
}

TEST_CASE("a checker that dies or never ends costs the task its try, not the worker") {
  for (const char* script :
       {"#!/bin/sh\necho progress 0 1\nkill -SEGV $$\n", "#!/bin/sh\necho progress 0 0\nexit 3\n"}) {
    Delivery hostile("1", 1);
    hostile.picture(1, "64x48");
    hostile.area.write("media", script);
    hostile.settings.media = hostile.area.directory / "media";
    hostile.settings.check.clear();
    std::filesystem::permissions(hostile.settings.media, std::filesystem::perms::owner_all);
    const EndedAttempt& ended = hostile.run();
    CHECK(ended.outcome == Outcome::BadOutput);
    CHECK(ended.code == "output.unreadable");
  }
  Delivery forged("1", 1);
  forged.picture(1, "64x48");
  forged.area.write("media", "#!/bin/sh\nprintf '\\012\\002\\010\\011' > \"$4/check.reply\"\n");  // about file 9
  forged.settings.media = forged.area.directory / "media";
  forged.settings.check.clear();
  std::filesystem::permissions(forged.settings.media, std::filesystem::perms::owner_all);
  CHECK(forged.run().code == "output.unchecked");
}

TEST_CASE("a program whose staging area was taken away under it is given back") {
  for (const char* how : {"mv .framemill away; ln -s . .framemill", "mv .framemill away"}) {
    Delivery moved("1", 1);
    moved.picture(1, "64x48");
    const std::string script = "cd '" + (moved.area.directory / "main").string() + "'; " + how + "; exit 1";
    moved.granted.mutable_recipe()->mutable_command()->clear_argv();
    for (const std::string& argument : {std::string("sh"), std::string("-c"), script})
      moved.granted.mutable_recipe()->mutable_command()->add_argv(argument);
    const EndedAttempt& ended = moved.run();
    INFO(how << ": " << ended.text);
    CHECK(ended.outcome == Outcome::NotAdmitted);
    CHECK(ended.code == "storage_failed");
    CHECK(ended.storage_root == "main");
  }
}

TEST_CASE("a checker that dies before it opens a file is the host's condition") {
  Delivery unable("1", 1);
  unable.picture(1, "64x48");
  unable.area.write("media",
                    "#!/bin/sh\necho 'terminate called: Resource temporarily unavailable' >&2\nkill -ABRT $$\n");
  unable.settings.media = unable.area.directory / "media";
  unable.settings.check.clear();
  std::filesystem::permissions(unable.settings.media, std::filesystem::perms::owner_all);
  CHECK(unable.run().outcome == Outcome::NotAdmitted);
  CHECK(unable.ended->code == "host.installation");
}

TEST_CASE("a program that fails on an input that is cut is not to blame") {
  Delivery blamed("1", 1);
  blamed.picture(1, "64x48");
  blamed.area.write("main/plate.1.png", blamed.made(1).substr(0, 200));
  wire::InputFile& input = *blamed.granted.add_inputs();
  input.set_root("main");
  input.set_path("plate.1.png");
  input.set_frame(1);
  input.set_for_all_tasks(true);
  blamed.granted.mutable_recipe()->mutable_command()->clear_argv();
  for (const char* argument : {"sh", "-c", "exit 1"})
    blamed.granted.mutable_recipe()->mutable_command()->add_argv(argument);
  const EndedAttempt& ended = blamed.run();
  CHECK(ended.outcome == Outcome::Failed);
  CHECK(ended.code == "input.unreadable");
  CHECK(ended.frame == 1);
  CHECK(ended.text.find("frame 1 (main:plate.1.png)") != std::string::npos);
}

TEST_CASE("of a chunk whose program failed the frames that are whole are kept") {
  Delivery chunk("1-4", 4);
  for (const int frame : {1, 2, 3}) chunk.picture(frame, "64x48");
  chunk.text(3, chunk.made(3).substr(0, 150));
  chunk.granted.mutable_recipe()->mutable_command()->set_argv(2, chunk.granted.recipe().command().argv(2) + "; exit 1");
  const EndedAttempt& ended = chunk.run();
  CHECK(ended.outcome == Outcome::Failed);
  CHECK(ended.code == "command.exit");
  REQUIRE(chunk.finished.size() == 2);
  CHECK(chunk.finished[0].task == 0);
  CHECK(chunk.finished[1].task == 1);
}

TEST_CASE("a program that fails on sound inputs is to blame") {
  Delivery blamed("1", 1);
  blamed.picture(1, "64x48");
  blamed.area.write("main/plate.1.png", blamed.made(1));
  wire::InputFile& input = *blamed.granted.add_inputs();
  input.set_root("main");
  input.set_path("plate.1.png");
  input.set_frame(1);
  input.set_for_all_tasks(true);
  blamed.granted.mutable_recipe()->mutable_command()->clear_argv();
  for (const char* argument : {"sh", "-c", "exit 1"})
    blamed.granted.mutable_recipe()->mutable_command()->add_argv(argument);
  CHECK(blamed.run().code == "command.exit");
}

}  // namespace
}  // namespace framemill::worker
