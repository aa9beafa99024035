#include "worker/supervisor/executor_process.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "base/clock.h"
#include "wire/executor.pb.h"

namespace framemill::worker {
namespace {

using jobs::Outcome;

// The rude executor under supervision; everything it said and how it died.
struct Rude {
  explicit Rude(std::uint64_t memory_bytes = 0, const std::string& slot = "cpu0",
                base::Duration hang = base::seconds(30)) {
    ExecutorSettings settings;
    settings.spawn.argv = {FRAMEMILL_BIN_DIR "/rude-executor"};
    settings.spawn.environment = {"PATH=/usr/bin:/bin", "CUDA_VISIBLE_DEVICES=GPU-1234"};
    settings.memory = MemoryCap(memory_bytes);
    settings.start_timeout = base::milliseconds(slot == "never-ready" ? 300 : 30'000);
    settings.hang_timeout = hang;
    wire::Configure configure;
    configure.set_slot(slot);
    auto started = ExecutorProcess::start(loop, std::move(settings), configure,
                                          {[this](const wire::FromExecutor& m) { heard.push_back(m); },
                                           [this](const Death& d, const std::string& t) {
                                             death = d;
                                             tail = t;
                                           },
                                           [this](std::string_view line) { lines.emplace_back(line); }});
    REQUIRE(started.ok());
    process = std::move(*started);
  }

  template <class Condition>
  bool wait(Condition condition, base::Duration most = base::seconds(20)) {
    const base::Instant until = base::monotonic_now() + most;
    while (!condition() && base::monotonic_now() < until) loop.run_for(base::milliseconds(10));
    return condition();
  }
  bool wait_ready() {
    return wait([this] { return process->ready(); });
  }
  void order(const std::string& how) {
    wire::ToExecutor message;
    message.mutable_start()->mutable_grant()->mutable_attempt()->set_counter(1);
    message.mutable_start()->mutable_grant()->mutable_recipe()->mutable_generate()->set_prompt(how);
    process->send(message);
  }
  // Starts it, tells it how to misbehave, waits for its death.
  DeathVerdict after(const std::string& how) {
    REQUIRE(wait_ready());
    order(how);
    REQUIRE(wait([this] { return death.has_value(); }));
    return judge(*death, 1);
  }
  bool said(const std::string& line) const { return std::find(lines.begin(), lines.end(), line) != lines.end(); }

  // The child that it left, by what it printed; 0: none yet.
  pid_t child() const {
    for (const std::string& line : lines)
      if (line.starts_with("child ")) return std::atoi(line.c_str() + 6);
    return 0;
  }

  net::EventLoop loop;
  std::unique_ptr<ExecutorProcess> process;
  std::vector<wire::FromExecutor> heard;
  std::vector<std::string> lines;
  std::optional<Death> death;
  std::string tail;
};

bool alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  return !text.empty() && text.find(") Z ") == std::string::npos;
}

TEST_CASE("an executor runs in its own group with the given environment and no stray descriptors") {
  ::setenv("FRAMEMILL_TEST_SECRET", "do not tell", 1);
  Rude rude;
  REQUIRE(rude.wait_ready());
  const std::string pid = std::to_string(rude.process->pid());
  CHECK(rude.wait([&] { return rude.said("group " + pid + " pid " + pid); }));
  CHECK(rude.said("environment: PATH=/usr/bin:/bin CUDA_VISIBLE_DEVICES=GPU-1234"));
  for (const std::string& line : rude.lines) CHECK(line.find("is open") == std::string::npos);
}

TEST_CASE("each way of dying has its own outcome") {
  CHECK(Rude().after("segv").code == "executor.segv");
  CHECK(Rude().after("abort").code == "executor.abort");
  CHECK(Rude().after("kill").code == "executor.killed");
  CHECK(Rude().after("exit 7").code == "executor.died");
  CHECK(Rude().after("exit 81").outcome == Outcome::Oom);
  CHECK(Rude().after("exit 83").outcome == Outcome::Hardware);
}

TEST_CASE("an executor that gives no sign of life is killed as hung") {
  Rude rude(0, "cpu0", base::milliseconds(300));
  CHECK(rude.after("hang").code == "executor.hung");
}

TEST_CASE("garbage and endless messages end the executor, not the worker") {
  CHECK(Rude().after("garbage").code == "executor.bad_message");
  CHECK(Rude().after("endless message").code == "executor.bad_message");
}

TEST_CASE("an end whose message is not UTF-8 costs that message's bad bytes and not the executor") {
  Rude rude;
  REQUIRE(rude.wait_ready());
  rude.order("latin-1");
  rude.order("fine");
  REQUIRE(rude.wait([&] { return rude.heard.size() == 4 || rude.death; }));
  REQUIRE_FALSE(rude.death);
  CHECK(rude.heard[1].ended().message() ==
        "attribute \"Besch\xe4"
        "digt\" is not known");  // cleaned in translate
  CHECK(rude.heard[2].has_finished());
}

TEST_CASE("an executor beyond its memory cap dies alone, as out of memory") {
  if (!kDataLimitUsable) {
    WARN("skipped: RLIMIT_DATA cannot be used beside a sanitizer's shadow memory");
    return;
  }
  Rude careful, greedy(512ull << 20);
  REQUIRE(careful.wait_ready());
  const DeathVerdict verdict = greedy.after("memory");
  CHECK(verdict.outcome == Outcome::Oom);
  CHECK(verdict.code == "executor.host_memory");
  careful.order("fine");
  CHECK(careful.wait([&] { return careful.heard.size() == 3; }));
  CHECK_FALSE(careful.death);
}

TEST_CASE("bad output is a report and no death") {
  Rude rude;
  REQUIRE(rude.wait_ready());
  rude.order("nan");
  REQUIRE(rude.wait([&] { return rude.heard.size() == 2; }));
  CHECK(rude.heard[1].ended().outcome() == "bad_output");
  CHECK(rude.heard[1].ended().code() == "frames.nan");
  CHECK(rude.heard[1].ended().frame() == 1003);
}

TEST_CASE("what an executor finished before it died is heard before its death") {
  Rude rude;
  CHECK(rude.after("finish then segv").code == "executor.segv");
  REQUIRE(rude.heard.size() == 2);
  CHECK(rude.heard[1].has_finished());
}

TEST_CASE("an executor that cannot start, or never becomes ready, is distinguished from one that died at work") {
  Rude refuses(0, "cannot-start");
  REQUIRE(refuses.wait([&] { return refuses.death.has_value(); }));
  CHECK(judge(*refuses.death, 1).code == "executor.configuration");
  Rude dawdles(0, "never-ready");
  REQUIRE(dawdles.wait([&] { return dawdles.death.has_value(); }));
  CHECK(judge(*dawdles.death, 1).code == "executor.start_timeout");
}

TEST_CASE("an executor that closes its pipe is found by its silence") {
  Rude rude(0, "cpu0", base::milliseconds(300));
  CHECK(rude.after("close").outcome == Outcome::ExecutorCrashed);
}

TEST_CASE("the last words are kept and bounded") {
  Rude rude;
  REQUIRE(rude.wait_ready());
  rude.order("talk");
  rude.wait([&] { return rude.process->output_tail().find("left out") != std::string::npos; });
  const std::string tail = rude.process->output_tail();
  CHECK(tail.size() <= OutputTail::kBytesMax);
  CHECK(tail.find("a line on standard error") != std::string::npos);  // the first words are kept, too
  CHECK(tail.ends_with("y\n"));
}

TEST_CASE("killing an executor takes the children that it left in its group at once") {
  Rude rude;
  REQUIRE(rude.wait_ready());
  rude.order("child");
  REQUIRE(rude.wait([&] { return rude.child() > 0; }));
  const pid_t child = rude.child();
  CHECK(alive(child));
  rude.process->kill(KilledBecause::Stopped);
  // The loop does not run: an executor that hangs in the kernel does not end, and its children must end all the same.
  const base::Instant until = base::monotonic_now() + base::seconds(20);
  while (alive(child) && base::monotonic_now() < until) ::usleep(10'000);
  CHECK_FALSE(alive(child));
  CHECK_FALSE(rude.death.has_value());
  REQUIRE(rude.wait([&] { return rude.death.has_value(); }));
}

TEST_CASE("an executor that ended by itself leaves no child behind") {
  Rude rude;
  CHECK(rude.after("leave a child and exit").code == "executor.left");
  const pid_t child = rude.child();
  REQUIRE(child > 0);
  CHECK(rude.wait([&] { return !alive(child); }));
}

TEST_CASE("an executor that is given up goes with everything in its group") {
  Rude rude;
  REQUIRE(rude.wait_ready());
  rude.order("child");
  REQUIRE(rude.wait([&] { return rude.child() > 0; }));
  const pid_t child = rude.child();
  CHECK(alive(child));
  rude.process.reset();
  CHECK(rude.wait([&] { return !alive(child); }));
}

TEST_CASE("an executor that is ordered to finish exits with status 0") {
  Rude rude;
  REQUIRE(rude.wait_ready());
  wire::ToExecutor message;
  message.set_finish(true);
  rude.process->send(message);
  REQUIRE(rude.wait([&] { return rude.death.has_value(); }));
  CHECK(rude.death->exit_status == 0);
}

TEST_CASE("a program that is not there is an error that names it") {
  net::EventLoop loop;
  ExecutorSettings settings;
  settings.spawn.argv = {"/nowhere/framemill-executor"};
  const auto started = ExecutorProcess::start(loop, std::move(settings), wire::Configure{}, {});
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().message.find("/nowhere/framemill-executor: No such file") != std::string::npos);
}

}  // namespace
}  // namespace framemill::worker
