// What goes wrong, on the real pipe: bad output, memory, crashes, hangs, hostile messages.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "tests/executor/executor_harness.h"
#include "tests/support/fake_engine.h"
#include "wire/executor_exit.h"

using namespace framemill;
using namespace framemill::tests;

namespace {

wire::EndedAttempt ended(ExecutorProcess& executor, const FarmDirectory& farm, const GrantSpec& spec) {
  return executor.run(make_grant(spec), farm).ended;
}

}  // namespace

TEST_CASE("weights that give no numbers end in bad output with the frame, and the executor lives on") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto bad = ended(executor, farm, {.attempt = 1, .first = 2, .prompt = "nan"});
  CHECK(bad.outcome() == "bad_output");
  CHECK(bad.code() == "frames.nan");
  CHECK(bad.has_frame());
  CHECK(bad.frame() == 1009);  // the window of task 2
  REQUIRE(bad.failed_tasks_size() == 1);
  CHECK(bad.failed_tasks(0) == 2);
  CHECK(ended(executor, farm, {.attempt = 2}).outcome() == "ok");
}

TEST_CASE("black and frozen windows are found when they are decoded") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  std::uint64_t attempt = 0;
  for (const std::string fault : {"black", "frozen"}) {
    GrantSpec spec{.attempt = ++attempt, .phase = static_cast<std::uint32_t>(attempt * 2)};
    spec.prompt = fault;
    const auto denoised = executor.run(make_grant(spec), farm);
    REQUIRE(denoised.ended.outcome() == "ok");
    farm.publish(spec.attempt, denoised.finished);
    spec.attempt = ++attempt + 10;
    spec.decode = true;
    ++spec.phase;
    auto grant = make_grant(spec);
    add_latents(grant, denoised.finished);
    const auto outcome = executor.run(grant, farm);
    CHECK(outcome.ended.outcome() == "bad_output");
    CHECK(outcome.ended.code() == "frames." + fault);
    CHECK(outcome.ended.frame() == 1001);
    CHECK(outcome.finished.empty());
  }
}

TEST_CASE("running out of memory halves the batch and loses no window") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto outcome = executor.run(make_grant({.attempt = 1, .count = 8, .prompt = "oom", .batch_max = 8}), farm);
  CHECK(outcome.ended.outcome() == "ok");
  CHECK(outcome.finished.size() == 8);
  CHECK(outcome.ended.usage().batch_max() < kFakeOomBatch);
  CHECK(outcome.ended.usage().batch_max() > 1);
}

TEST_CASE("what does not fit even alone ends as oom, and the executor lives on") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  CHECK(ended(executor, farm, {.attempt = 1, .prompt = "oom always"}).outcome() == "oom");
  CHECK(ended(executor, farm, {.attempt = 2}).outcome() == "ok");
}

TEST_CASE("the budget bounds the batch, and what does not fit it is given back") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm, 65);  // 40 resident and room for two windows of 10
  const auto outcome = executor.run(make_grant({.attempt = 1, .count = 6, .batch_max = 8}), farm);
  CHECK(outcome.ended.outcome() == "ok");
  CHECK(outcome.ended.usage().batch_max() == 2);
  const auto big = ended(executor, farm, {.attempt = 2, .model = "big@1"});
  CHECK(big.outcome() == "not_admitted");
  CHECK(big.message().find("70") != std::string::npos);  // what it would need
}

TEST_CASE("a model is admitted by the shape of the job's windows") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm, 65);  // 60 resident, and less than a window of the model's own size
  CHECK(ended(executor, farm, {.attempt = 1, .model = "big@1"}).outcome() == "not_admitted");
  auto grant = make_grant({.attempt = 2, .model = "big@1"});
  grant.mutable_recipe()->mutable_generate()->set_width(4);
  grant.mutable_recipe()->mutable_generate()->set_height(4);
  CHECK(executor.run(grant, farm).ended.outcome() == "ok");
}

TEST_CASE("an idle model makes room for another, and one at work does not") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm, 75);
  CHECK(ended(executor, farm, {.attempt = 1}).usage().model_loads() == 1);
  CHECK(ended(executor, farm, {.attempt = 2}).usage().model_loads() == 0);  // warm
  CHECK(ended(executor, farm, {.attempt = 3, .model = "big@1"}).outcome() == "ok");
  const auto again = ended(executor, farm, {.attempt = 4});
  CHECK(again.outcome() == "ok");
  CHECK(again.usage().model_loads() == 1);  // it had been unloaded

  executor.start(make_grant({.attempt = 5, .prompt = "slow", .steps = 30}), farm);
  executor.start(make_grant({.attempt = 6, .model = "big@1"}), farm);
  auto outcomes = executor.run_to_end(2);
  CHECK(outcomes[5].ended.outcome() == "ok");
  CHECK(outcomes[6].ended.outcome() == "not_admitted");
}

TEST_CASE("grants that make no sense are refused one by one") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  std::uint64_t attempt = 0;
  const auto refused = [&](const char* code, auto spoil) {
    auto grant = make_grant({.attempt = ++attempt});
    spoil(grant);
    const auto outcome = executor.run(grant, farm);
    CHECK(outcome.ended.outcome() == "failed");
    CHECK(outcome.ended.code() == code);
  };
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_tasks()->set_count(0); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_tasks()->set_first(64); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_tasks()->set_first(UINT32_MAX); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_tasks()->set_count(UINT32_MAX); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_recipe()->mutable_grid()->set_window_frames(0); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_recipe()->mutable_grid()->set_window_frames(1 << 30); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_recipe()->mutable_windows(0)->set_first(UINT32_MAX); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_recipe()->mutable_command(); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_recipe()->mutable_generate()->set_format("gif"); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_recipe()->mutable_generate()->set_model_digest("short"); });
  refused("recipe.invalid", [](wire::Grant& g) { g.mutable_recipe()->mutable_generate()->set_width(64); });
  refused("recipe.invalid", [](wire::Grant& g) {
    g.mutable_recipe()->mutable_generate()->set_width(-64);
    g.mutable_recipe()->mutable_generate()->set_height(-64);
  });
  refused("frames.syntax", [](wire::Grant& g) { g.mutable_recipe()->set_frames("one to ten"); });
  refused("prompt.unknown_word", [](wire::Grant& g) { g.mutable_recipe()->mutable_generate()->set_prompt("unknown"); });
  CHECK(ended(executor, farm, {.attempt = 100}).outcome() == "ok");
}

TEST_CASE("a package that is gone or damaged on this host gives the attempt back: another host has it whole") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  const auto given_back = [&](std::uint64_t attempt, const std::string& model, const std::string& code) {
    auto grant = make_grant({.attempt = attempt});
    grant.mutable_recipe()->mutable_generate()->set_model(model);
    const auto outcome = executor.run(grant, farm);
    CHECK(outcome.ended.outcome() == "not_admitted");
    CHECK(outcome.ended.code() == code);
  };
  given_back(1, "missing@1", "model.not_found");
  given_back(2, "other@1", "model.digest_mismatch");
  given_back(3, "damaged@1", "model.damaged");
  CHECK(ended(executor, farm, {.attempt = 100}).outcome() == "ok");
}

TEST_CASE("storage that takes no output gives the attempt back: it is not the task's fault") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  wire::ToExecutor message;
  *message.mutable_start()->mutable_grant() = make_grant({.attempt = 1});
  message.mutable_start()->set_staging_directory((farm.root / "not/there").string());
  executor.send(message);
  const auto outcome = executor.run_to_end(1).at(1);
  CHECK(outcome.ended.outcome() == "not_admitted");
  CHECK(outcome.ended.code() == "storage_failed");
}

TEST_CASE("a stuck step loop gives no sign of life, a working one does every second") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  using std::chrono::steady_clock;
  auto last = steady_clock::now();
  executor.start(make_grant({.attempt = 1, .prompt = "slow", .steps = 60}), farm);
  for (bool at_work = true; at_work;) {
    const auto message = executor.receive(true);
    if (message.has_alive()) {
      CHECK(steady_clock::now() - last < std::chrono::milliseconds(1500));
      last = steady_clock::now();
    }
    at_work = !message.has_ended();
  }
  for (int idle = 0; idle < 2;) idle += executor.receive(true).has_alive();  // idle, and still alive

  executor.start(make_grant({.attempt = 2, .prompt = "hang"}), farm);
  ::usleep(300'000);
  while (true) {  // drain what came before the hang
    pollfd waiting{executor.descriptor(), POLLIN, 0};
    if (::poll(&waiting, 1, 1500) == 0) break;
    executor.receive(true);
    REQUIRE(steady_clock::now() - last < std::chrono::seconds(60));
  }
  SUCCEED("silent for more than a second");
}

TEST_CASE("a crash ends the executor alone, by its signal") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  executor.start(make_grant({.attempt = 1, .prompt = "crash"}), farm);
  const int status = executor.wait_status();
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}

TEST_CASE("an executor ends when its worker is gone") {
  const FarmDirectory farm;
  ExecutorProcess executor;
  executor.configure(farm);
  executor.start(make_grant({.attempt = 1, .prompt = "slow", .steps = 100000}), farm);
  executor.close();
  const int status = executor.wait_status();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == wire::kExitFinished);
}

TEST_CASE("messages that cannot be read end the executor with a status of its own") {
  const FarmDirectory farm;
  for (const std::string& bytes : {std::string("\xff\xff\xff\xff", 4), std::string("\x02\0\0\0\xff\xff", 6)}) {
    ExecutorProcess executor;
    executor.configure(farm);
    executor.send_bytes(bytes);
    const int status = executor.wait_status();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == wire::kExitProtocol);
  }
  ExecutorProcess unconfigured;
  wire::ToExecutor finish;
  finish.set_finish(true);
  unconfigured.send(finish);
  CHECK(WEXITSTATUS(unconfigured.wait_status()) == wire::kExitProtocol);
}
