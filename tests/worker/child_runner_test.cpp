#include "worker/supervisor/child_runner.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "jobs/attempt_error.h"
#include "tests/worker/scratch.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

using namespace scratch;
using jobs::Outcome;

bool alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  return !text.empty() && text.find(") Z ") == std::string::npos;
}

// A command layer's attempt on real storage with a real shell as the listed program.
struct Command {
  explicit Command(std::vector<std::string> argv, const std::string& frames = "1001", std::uint32_t count = 1) {
    granted = grant(1);
    granted.mutable_tasks()->set_count(count);
    wire::Recipe& recipe = *granted.mutable_recipe();
    recipe.set_frames(frames);
    recipe.set_frames_per_task(1);
    recipe.set_output_printf("shot/c.%04d.txt");
    for (const std::string& argument : argv) recipe.mutable_command()->add_argv(argument);
    settings.keeper = FRAMEMILL_BIN_DIR "/test-keeper";
    settings.commands = {{"sh", "/bin/sh"}, {"true", "/bin/true"}};
    settings.environment = allowed_environment({});
    settings.inputs_timeout = base::milliseconds(300);
    settings.inputs_pause = base::milliseconds(20);
  }
  void start() {
    REQUIRE(prepare_staging(*root, attempt(1), granted, "key").ok());
    runner = ChildRunner::start(loop, io, roots, settings, granted, {0, granted.tasks().count()},
                                {[this](const AttemptId&, const Progress& p) { progress.push_back(p); },
                                 [this](const AttemptId&, std::string text) { outputs.push_back(std::move(text)); },
                                 [this](FinishedTask t) { finished.push_back(std::move(t)); },
                                 [this](EndedAttempt e) { ended = std::move(e); }});
  }
  template <class Condition>
  bool wait(Condition condition) {
    const base::Instant until = base::monotonic_now() + base::seconds(20);
    while (!condition() && base::monotonic_now() < until) loop.run_for(base::milliseconds(10));
    return condition();
  }
  const EndedAttempt& run() {
    start();
    REQUIRE(wait([this] { return ended.has_value(); }));
    return *ended;
  }
  std::string staged(const std::string& name) const {
    return area.read("main/" + staging_path(attempt(1)) + "/" + name);
  }

  Scratch area;
  std::shared_ptr<const RootDirectory> root = area.root();
  RootTable roots{{"main", root}};
  net::EventLoop loop;
  IoThread io;
  wire::Grant granted;
  ChildRunnerSettings settings;
  std::shared_ptr<ChildRunner> runner;
  std::vector<Progress> progress;
  std::vector<std::string> outputs;
  std::vector<FinishedTask> finished;
  std::optional<EndedAttempt> ended;
};

TEST_CASE("a command runs with its tokens replaced, and its files are digested and delivered") {
  Command c({"sh", "-c", "printf '%s' \"frame $1 of $2-$3\" > \"$(printf \"$4\" $1)\"", "x", "{frame}", "{chunk_first}",
             "{chunk_last}", "{output}"});
  const EndedAttempt& ended = c.run();
  INFO(ended.code << " " << ended.text);
  CHECK(ended.outcome == Outcome::Ok);
  REQUIRE(c.finished.size() == 1);
  wire::FinishedTask task;
  REQUIRE(task.ParseFromString(c.finished[0].message));
  REQUIRE(task.files_size() == 1);
  CHECK(task.files(0).path() == "shot/c.1001.txt");
  CHECK(task.files(0).frame() == 1001);
  CHECK(task.files(0).sha256() == raw_digest("frame 1001 of 1001-1001"));
  CHECK(c.staged(task.files(0).staged()) == "frame 1001 of 1001-1001");
  wire::FinishedTask left;
  CHECK((left.ParseFromString(c.staged("0.done")) && left.files(0).path() == task.files(0).path()));
}

TEST_CASE("a command reads its inputs under one uniform pattern, and what it read is on record") {
  Command c({"sh", "-c", "cat $(printf \"$1\" 1001) $(printf \"$1\" 1002) > $(printf \"$2\" 1001)", "x", "{input}",
             "{output}"});
  c.area.write("main/a/b.1001.txt", "one ");
  c.area.write("main/other/name.1002.txt", "two");
  for (const auto& [path, frame] : {std::pair("a/b.1001.txt", 1001), std::pair("other/name.1002.txt", 1002)}) {
    wire::InputFile& input = *c.granted.add_inputs();
    input.set_root("main");
    input.set_path(path);
    input.set_frame(frame);
    input.set_for_all_tasks(true);
  }
  CHECK(c.run().outcome == Outcome::Ok);
  wire::FinishedTask task;
  REQUIRE(task.ParseFromString(c.finished.at(0).message));
  CHECK(task.files(0).sha256() == raw_digest("one two"));
  REQUIRE(task.read_size() == 2);
  CHECK(task.read(1).sha256() == raw_digest("two"));
}

TEST_CASE("a chunk of tasks is one run, and each task gets its own files") {
  Command c({"sh", "-c", "for f in 1 2 3; do echo $f > $(printf \"$1\" $f); done", "x", "{output}"}, "1-3", 3);
  CHECK(c.run().outcome == Outcome::Ok);
  REQUIRE(c.finished.size() == 3);
  CHECK(c.finished[2].task == 2);
}

TEST_CASE("a file that does not exist afterwards is bad output with its frame") {
  Command c({"sh", "-c", "echo 1 > $(printf \"$1\" 1)", "x", "{output}"}, "1-2", 2);
  const EndedAttempt& ended = c.run();
  CHECK(ended.outcome == Outcome::BadOutput);
  CHECK(ended.code == "command.missing_output");
  CHECK(ended.frame == 2);
  CHECK(ended.failed_tasks == std::vector<jobs::TaskIndex>{1});
  REQUIRE(c.finished.size() == 1);  // what is good is kept
  CHECK(c.finished[0].task == 0);
}

TEST_CASE("a link in place of an output is resolved inside the root, and refused out of it") {
  Command out({"sh", "-c", "ln -s /etc/passwd $(printf \"$1\" 1001)", "x", "{output}"});
  CHECK(out.run().code == "output.link");
  Command nowhere({"sh", "-c", "ln -s nothing $(printf \"$1\" 1001)", "x", "{output}"});
  CHECK(nowhere.run().code == "command.missing_output");
  Command inside({"sh", "-c", "printf pixels > kept; ln -s ../kept $(printf \"$1\" 1001)", "x", "{output}"});
  CHECK(inside.run().outcome == Outcome::Ok);
  REQUIRE(inside.finished.size() == 1);
  wire::FinishedTask task;
  REQUIRE(task.ParseFromString(inside.finished[0].message));
  CHECK(task.files(0).size_bytes() == 6);
  CHECK(task.files(0).sha256() == raw_digest("pixels"));
  CHECK(fs::is_regular_file(
      fs::symlink_status(inside.area.directory / "main" / staging_path(attempt(1)) / task.files(0).staged())));
}

TEST_CASE(
    "an output has the modes of the site, whatever its program chose, but a file with other names keeps its own") {
  const auto mode_of = [](const std::string& script) {
    Command c({"sh", "-c", script, "x", "{output}"});
    c.area.write("main/plate", "pixels");
    fs::permissions(c.area.directory / "main/plate", fs::perms::owner_read);
    CHECK(c.run().outcome == Outcome::Ok);
    struct stat facts{};
    const std::string file = c.area.directory / "main" / staging_path(attempt(1)) / "out/c.1001.txt";
    REQUIRE(::stat(file.c_str(), &facts) == 0);
    return facts.st_mode & 07777;
  };
  const mode_t mask = ::umask(022);
  ::umask(mask);
  const mode_t usual = 0666 & ~mask;
  CHECK(mode_of("umask 077; echo 1 > $(printf \"$1\" 1001)") == usual);
  CHECK(mode_of("f=$(printf \"$1\" 1001); echo 1 > $f; chmod 6777 $f") == usual);
  CHECK(mode_of("ln ../../../plate $(printf \"$1\" 1001)") == 0400);
}

TEST_CASE("a failing command is reported with its exit status and its last output") {
  Command c({"sh", "-c", "echo going; echo 'no licence left' >&2; exit 3"});
  const EndedAttempt& ended = c.run();
  CHECK(ended.outcome == Outcome::Failed);
  CHECK(ended.code == "command.exit");
  CHECK(ended.text == "The command ended with exit status 3: no licence left");
  CHECK(ended.output_tail.find("going") != std::string::npos);
}

TEST_CASE("a program may print any bytes, and the end of its output is reported as UTF-8") {
  Command c({"sh", "-c", "printf 'caf\\351 \\342\\202'; printf '\\033[31mBesch\\344digt\\r\\n' >&2; exit 3"});
  const EndedAttempt& ended = c.run();
  CHECK(ended.code == "command.exit");
  CHECK(base::is_utf8(ended.text));
  CHECK(base::is_utf8(ended.output_tail));
  CHECK(ended.output_tail.find("Besch\uFFFDdigt\n") != std::string::npos);
}

TEST_CASE("what a program prints is reported while it runs, between its command line and its end") {
  Command c({"sh", "-c", "echo first words; while [ ! -e go ]; do sleep 0.02; done; echo last words; exit 4", "it's"});
  c.start();
  REQUIRE(c.wait([&] { return !c.outputs.empty() && c.outputs.back().find("first words\n") != std::string::npos; }));
  CHECK_FALSE(c.ended.has_value());
  CHECK(c.outputs.back().find("] $ /bin/sh -c 'echo first words;") != std::string::npos);
  CHECK(c.outputs.back().find("'it'\\''s'") != std::string::npos);
  c.area.write("main/" + staging_path(attempt(1)) + "/go", "");
  REQUIRE(c.wait([&] { return c.ended.has_value(); }));
  const std::string& tail = c.ended->output_tail;
  CHECK(tail.find("first words\nlast words\n[") != std::string::npos);
  CHECK(tail.find("] exit status 4 after ") != std::string::npos);
  CHECK(c.ended->text == "The command ended with exit status 4: last words");
}

TEST_CASE("the command line of a program that printed nothing is not taken for its last words") {
  Command c({"sh", "-c", "exit 4"});
  CHECK(c.run().text == "The command ended with exit status 4.");
}

TEST_CASE("a program that speaks of memory has failed like any other") {
  for (const char* words : {"out of memory", "MemoryError", "java.lang.OutOfMemoryError", "std::bad_alloc",
                            "fork: Cannot allocate memory"}) {
    Command c({"sh", "-c", "echo \"$1\"; echo \"$1\" >&2; exit 1", "x", words});
    c.settings.memory = MemoryCap(4ull << 30);
    const EndedAttempt& ended = c.run();
    CHECK(ended.outcome == Outcome::Failed);
    CHECK(ended.code == "command.exit");
    CHECK(ended.text.find(words) != std::string::npos);
  }
}

TEST_CASE("a program that used up its cap of memory is out of memory, whatever it says") {
  if (!kDataLimitUsable) {
    WARN("skipped: RLIMIT_DATA cannot be used beside a sanitizer's shadow memory");
    return;
  }
  Command c({"python3", "-c", "a = []\nwhile True: a.append(b'x' * 100000)"});
  c.settings.commands["python3"] = "/usr/bin/python3";
  c.settings.memory = MemoryCap(256ull << 20);
  const EndedAttempt& ended = c.run();
  CHECK(ended.outcome == Outcome::Oom);
  CHECK(ended.code == "command.host_memory");
}

TEST_CASE("a host without ffmpeg gives the movie back, uncharged") {
  Command c({});
  c.granted.mutable_recipe()->clear_command();
  c.granted.mutable_recipe()->mutable_encode();
  c.granted.mutable_recipe()->set_output_printf("shot/cut.mp4");
  c.settings.media = c.area.directory / "media";
  const auto ends_with = [&](const std::string& line) {
    c.area.write("media", "#!/bin/sh\necho '" + line + "' >&2\nexit 1\n");
    std::filesystem::permissions(c.settings.media, std::filesystem::perms::owner_all);
  };
  ends_with("media.ffmpeg_missing: ffmpeg cannot be started (install the package ffmpeg)");
  const EndedAttempt& ended = c.run();
  CHECK(ended.outcome == Outcome::NotAdmitted);
  CHECK(ended.code == "media.ffmpeg_missing");
  CHECK(ended.text == "ffmpeg cannot be started (install the package ffmpeg)");
}

TEST_CASE("a program that cannot be started is the task's own fault, by its name and not by an exit status") {
  const Scratch area;
  area.write("text", "no first line\n");
  area.write("wrong-interpreter", "#!/nowhere/perl\n");
  for (const char* name : {"text", "wrong-interpreter"})
    std::filesystem::permissions(area.directory / name, std::filesystem::perms::owner_all);
  area.write("not-executable", "#!/bin/sh\n");
  for (const std::string name : {"text", "wrong-interpreter", "not-executable", "not-there"}) {
    INFO(name);
    Command c({"tool"});
    c.settings.commands = {{"tool", (area.directory / name).string()}};
    const EndedAttempt& ended = c.run();
    CHECK(ended.outcome == Outcome::Failed);
    CHECK(ended.code == "command.cannot_start");
    CHECK(jobs::is_tried_once(ended.code));
    CHECK(ended.text.find((area.directory / name).string()) != std::string::npos);
    CHECK(ended.text.find("127") == std::string::npos);
  }
}

TEST_CASE("arguments that are too long for the kernel are the task's fault, once") {
  Command c({"sh", "-c", "true", std::string(200'000, 'x')});
  const EndedAttempt& ended = c.run();
  CHECK(ended.outcome == Outcome::Failed);
  CHECK(ended.code == "command.too_long");
  CHECK(jobs::is_tried_once(ended.code));
}

TEST_CASE("an environment that leaves the arguments no room names the user's program") {
  Command c({"sh", "-c", "true", "x"});
  for (int i = 0; i < 40; ++i)
    c.settings.environment.push_back("V" + std::to_string(i) + "=" + std::string(100'000, 'x'));
  const EndedAttempt& ended = c.run();
  CHECK(ended.outcome == Outcome::Failed);
  CHECK(ended.code == "command.cannot_start");
  CHECK(ended.text.find("/bin/sh") != std::string::npos);
}

TEST_CASE("a host without descriptors gives the task back, uncharged") {
  // From none to some to spare: whichever step fails, it is the host's condition.
  for (rlim_t spare = 0; spare <= 14; ++spare) {
    INFO(spare << " spare descriptors");
    Command c({"true"});
    c.start();  // opens what it needs for the storage's side
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    const rlimit few{static_cast<rlim_t>(lowest_free) + spare, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    const bool came = c.wait([&] { return c.ended.has_value(); });
    ::setrlimit(RLIMIT_NOFILE, &before);
    REQUIRE(came);
    const bool missing_output = c.ended->code == "command.missing_output";  // it ran: `true` writes nothing
    if (missing_output) continue;
    CHECK(c.ended->outcome == Outcome::NotAdmitted);
    CHECK(c.ended->code == "host.descriptors");
  }
}

TEST_CASE("a program that was refused a process by a host without room for more is given back, uncharged") {
  for (const bool has_room : {false, true}) {
    Command command({"sh", "-c", "echo max 1 > \"$1\"; echo cannot fork >&2; exit 2", "x"});
    const std::string cgroup = (command.area.directory / "fs/farm.service").string();
    command.granted.mutable_recipe()->mutable_command()->add_argv(cgroup + "/pids.events");
    command.area.write("own", "0::/farm.service\n");
    command.area.write("fs/farm.service/pids.max", has_room ? "4915\n" : "60\n");
    command.area.write("fs/farm.service/pids.current", "50\n");
    command.settings.limits = HostLimits::find(command.area.directory / "fs", command.area.directory / "own");
    CHECK(command.run().outcome == (has_room ? Outcome::Failed : Outcome::NotAdmitted));
    CHECK(command.ended->code == (has_room ? "command.exit" : "host.processes"));
  }
}

TEST_CASE("an input that the storage cannot read gives the task back, with the root that failed") {
  Command c({"true"});
  wire::InputFile& input = *c.granted.add_inputs();
  input.set_root("memory");
  input.set_path("mem");  // EIO, from the kernel
  input.set_for_all_tasks(true);
  c.area.root("memory");
  const fs::path directory = c.area.directory / "memory";
  fs::create_symlink("/proc/self/mem", directory / "mem");
  c.roots["memory"] =
      RootDirectory::open(
          "memory", directory,
          std::make_shared<const base::RootPaths>(base::RootPaths{{"memory", directory}, {"kernel", "/proc/self"}}))
          .value();
  const EndedAttempt& ended = c.run();
  CHECK(ended.outcome == Outcome::NotAdmitted);
  CHECK(ended.code == "storage_failed");
  CHECK(ended.storage_root == "memory");
}

TEST_CASE("a program that is not listed is not run") {
  Command c({"/bin/sh", "-c", "true"});
  const EndedAttempt& ended = c.run();
  CHECK(ended.outcome == Outcome::Failed);
  CHECK(ended.code == "command.not_listed");
}

TEST_CASE("a command sees the allowed environment and its own directory, nothing else") {
  ::setenv("FRAMEMILL_TEST_SECRET", "do not tell", 1);
  Command c({"sh", "-c", "env > $(printf \"$1\" 1001); pwd >> $(printf \"$1\" 1001)", "x", "{output}"});
  CHECK(c.run().outcome == Outcome::Ok);
  const std::string told = c.staged("out/c.1001.txt");
  CHECK(told.find("SECRET") == std::string::npos);
  CHECK(told.find("PATH=") != std::string::npos);
  CHECK(told.find("\n" + (c.area.directory / "main" / staging_path(attempt(1))).string() + "\n") != std::string::npos);
}

TEST_CASE("an input that is not there yet is waited for, and one that never comes is not the task's fault") {
  Command late({"sh", "-c", "cat \"$1\" > $(printf \"$2\" 1001)", "x", "{input}", "{output}"});
  wire::InputFile& input = *late.granted.add_inputs();
  input.set_root("main");
  input.set_path("late.txt");
  input.set_for_all_tasks(true);
  input.set_sha256(raw_digest("here"));
  late.settings.inputs_timeout = base::seconds(20);
  late.start();
  late.loop.run_for(base::milliseconds(100));
  CHECK_FALSE(late.ended);
  late.area.write("main/late.txt", "here");
  REQUIRE(late.wait([&] { return late.ended.has_value(); }));
  CHECK(late.ended->outcome == Outcome::Ok);

  Command never({"true"});
  *never.granted.add_inputs() = input;
  CHECK(never.run().outcome == Outcome::InputNotVisible);
}

TEST_CASE("stopping a command takes everything it started, also what left its group") {
  Command c({"sh", "-c", "sleep 1000 & setsid sh -c 'sleep 1000 & echo $! > far; wait' & echo $! > near; wait"});
  c.start();
  REQUIRE(c.wait([&] { return !c.staged("far").empty() && !c.staged("near").empty(); }));
  const pid_t far = std::atoi(c.staged("far").c_str()), near = std::atoi(c.staged("near").c_str());
  REQUIRE((far > 0 && alive(far) && near > 0 && alive(near)));
  c.runner->stop();
  REQUIRE(c.wait([&] { return c.ended.has_value(); }));
  CHECK(c.ended->outcome == Outcome::Revoked);
  CHECK_FALSE(alive(far));
  CHECK_FALSE(alive(near));
}

TEST_CASE("of a chunk that is stopped for its time what it had finished is kept") {
  const auto stopped = [](const char* script, bool keep) {
    Command c({"sh", "-c", script, "x", "{output}"}, "1-10", 10);
    c.start();
    REQUIRE(c.wait([&] { return !c.outputs.empty() && c.outputs.back().find("seven") != std::string::npos; }));
    c.runner->stop(keep);
    REQUIRE(c.wait([&] { return c.ended.has_value(); }));
    CHECK(c.ended->outcome != Outcome::Ok);
    std::vector<jobs::TaskIndex> kept;
    for (const FinishedTask& task : c.finished) kept.push_back(task.task);
    return kept;
  };
  // Files that nobody opens: the newest may be cut.
  const char* slow = "for f in 1 2 3 4 5 6 7; do echo $f > $(printf \"$1\" $f); sleep 0.01; done; echo seven; sleep 60";
  CHECK(stopped(slow, true) == std::vector<jobs::TaskIndex>{0, 1, 2, 3, 4, 5});
  CHECK(stopped(slow, false).empty());
  const char* stubborn =
      "trap '' TERM; echo 1 > $(printf \"$1\" 1); sleep 0.01; echo > $(printf \"$1\" 2); echo seven; "
      "while :; do sleep 1; done";
  CHECK(stopped(stubborn, true) == std::vector<jobs::TaskIndex>{0});
}

TEST_CASE("a program that ends well while it is being stopped has ended well") {
  Command c({"sh", "-c",
             "trap 'for f in 1 2; do echo $f > $(printf \"$1\" $f); done; exit 0' TERM; echo ready; "
             "while :; do sleep 0.02; done",
             "x", "{output}"},
            "1-2", 2);
  c.start();
  REQUIRE(c.wait([&] { return !c.outputs.empty() && c.outputs.back().find("ready\n") != std::string::npos; }));
  c.runner->stop(true);
  REQUIRE(c.wait([&] { return c.ended.has_value(); }));
  CHECK(c.ended->outcome == Outcome::Ok);
  CHECK(c.finished.size() == 2);
}

TEST_CASE("what a program uses of its processors is seen, also through its children, and a sleeping one uses nothing") {
  const auto moves = [](const char* script) {
    Command c({"sh", "-c", script, "x", "{output}"});
    c.start();
    REQUIRE(c.wait([&] { return !c.outputs.empty() && c.outputs.back().find("begun\n") != std::string::npos; }));
    c.loop.run_for(base::milliseconds(300));
    const auto before = c.runner->work_done();
    c.loop.run_for(base::milliseconds(600));
    const auto after = c.runner->work_done();
    c.runner->stop();
    REQUIRE(c.wait([&] { return c.ended.has_value(); }));
    REQUIRE(before.has_value());
    REQUIRE(after.has_value());
    return *before != *after;
  };
  CHECK(moves("echo begun; while :; do :; done"));
  CHECK(moves("(while :; do :; done) & echo begun; wait"));
  CHECK_FALSE(moves("echo begun; sleep 60"));
}

TEST_CASE("what a command leaves behind when it ends is ended with it") {
  Command c({"sh", "-c", "setsid sleep 1000 & echo $! > left; echo x > $(printf \"$1\" 1001)", "x", "{output}"});
  CHECK(c.run().outcome == Outcome::Ok);
  const pid_t left = std::atoi(c.staged("left").c_str());
  REQUIRE(left > 0);
  CHECK_FALSE(alive(left));
}

TEST_CASE("a command that does not listen to SIGTERM is killed") {
  Command c({"sh", "-c", "trap '' TERM; echo > deaf; while :; do sleep 0.05; done"});
  c.start();
  REQUIRE(c.wait([&] { return !c.staged("deaf").empty(); }));
  c.runner->stop();
  REQUIRE(c.wait([&] { return c.ended.has_value(); }));
  CHECK(c.ended->outcome == Outcome::Revoked);
}

TEST_CASE("when the worker dies without a word, nothing that a command started lives on") {
  Scratch area;
  // A worker in a process of its own, killed as hard as can be.
  const pid_t worker = ::fork();
  if (worker == 0) {
    net::EventLoop loop;
    ChildSettings settings;
    settings.keeper = FRAMEMILL_BIN_DIR "/test-keeper";
    settings.spawn.environment = allowed_environment({});
    settings.spawn.directory = area.directory;
    settings.spawn.argv = {"/bin/sh", "-c", "setsid sleep 1000 & echo $! > far; echo $$ > near; wait"};
    auto child = ChildProcess::start(loop, std::move(settings), {{}, {}, [](const ProcessEnd&, const OutputTail&) {}});
    loop.run_for(base::seconds(60));
    ::_exit(0);
  }
  const base::Instant until = base::monotonic_now() + base::seconds(20);
  while ((area.read("far").empty() || area.read("near").empty()) && base::monotonic_now() < until) ::usleep(10'000);
  const pid_t far = std::atoi(area.read("far").c_str()), near = std::atoi(area.read("near").c_str());
  REQUIRE((far > 0 && alive(far) && near > 0 && alive(near)));
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  while ((alive(far) || alive(near)) && base::monotonic_now() < until) ::usleep(10'000);
  CHECK_FALSE(alive(far));
  CHECK_FALSE(alive(near));
}

}  // namespace
}  // namespace framemill::worker
