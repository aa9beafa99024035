// Storage that hangs, for the executor: jobs that do not come back, and a file system that is frozen.
#include "worker/executor/lanes.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "tests/executor/executor_harness.h"
#include "wire/executor_exit.h"

using namespace framemill;
using namespace framemill::tests;
using worker::Lanes;
using SteadyClock = std::chrono::steady_clock;

namespace {

// What hanging storage looks like to a job: it does not come back until the storage does.
class Gate {
 public:
  void wait() const {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return state_->is_open; });
  }
  void open() {
    const std::lock_guard lock(state_->mutex);
    state_->is_open = true;
    state_->changed.notify_all();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_open = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

template <class Condition>
bool soon(Condition condition) {
  const auto until = SteadyClock::now() + std::chrono::seconds(20);
  while (!condition() && SteadyClock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return condition();
}

}  // namespace

TEST_CASE("jobs of a lane run in order, and a lane that hangs holds up no other") {
  Gate gate;
  const auto order = std::make_shared<std::vector<int>>();
  const auto slow = std::make_shared<std::atomic<int>>(0), fast = std::make_shared<std::atomic<int>>(0);
  Lanes lanes;
  lanes.post("write slow", [gate] { gate.wait(); });
  for (int i = 0; i < 50; ++i) lanes.post("write slow", [slow] { ++*slow; });
  for (int i = 0; i < 200; ++i)
    lanes.post("write main", [fast, order, i] {
      order->push_back(i);
      ++*fast;
    });
  REQUIRE(soon([&] { return *fast == 200; }));
  CHECK(std::is_sorted(order->begin(), order->end()));
  CHECK(*slow == 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(lanes.busy_for("write slow") >= std::chrono::milliseconds(20));
  CHECK(lanes.busy_for("write main") == std::chrono::milliseconds(0));
  gate.open();
  CHECK(soon([&] { return *slow == 50; }));
}

TEST_CASE("however many lanes there are, threads have a bound, and a lane beyond it waits for a free one") {
  Gate gate;
  const auto done = std::make_shared<std::atomic<int>>(0);
  Lanes lanes;
  const auto most = static_cast<int>(Lanes::kThreadsMax);
  const auto hanging = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < most; ++i)
    lanes.post("hangs " + std::to_string(i), [gate, hanging] {
      ++*hanging;
      gate.wait();
    });
  REQUIRE(soon([&] { return *hanging == most; }));  // lanes take turns: a thread that starts late may pass one over
  for (int i = 0; i < 40; ++i) lanes.post("late " + std::to_string(i), [done] { ++*done; });
  CHECK(lanes.threads() == Lanes::kThreadsMax);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(*done == 0);
  gate.open();
  CHECK(soon([&] { return *done == 40; }));
  CHECK(lanes.threads() <= Lanes::kThreadsMax);
}

TEST_CASE("lanes that hang are left behind at the end") {
  Gate gate;
  const auto begun = SteadyClock::now();
  const auto ran = std::make_shared<std::atomic<bool>>(false);
  {
    Lanes lanes;
    lanes.post("write slow", [gate] { gate.wait(); });
    lanes.post("write slow", [ran] { *ran = true; });
  }
  CHECK(SteadyClock::now() - begun < 5 * Lanes::kFarewell);
  gate.open();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(*ran);  // what had not begun is dropped
}

namespace {

// An ext4 file system of its own, in a file, that can be frozen. Needs root and a loop device.
class FrozenDisk {
 public:
  explicit FrozenDisk(const std::filesystem::path& place) : mount_(place / "slow") {
    std::filesystem::create_directories(mount_);
    const std::string image = (place / "image").string();
    std::ofstream(image).close();
    std::filesystem::resize_file(image, 64 << 20);
    works_ = ::geteuid() == 0 && run("mkfs.ext4 -q " + image) && run("mount -o loop " + image + " " + mount_.string());
  }
  ~FrozenDisk() {
    if (!works_) return;
    thaw();
    run("umount -l " + mount_.string());
  }
  bool works() const { return works_; }
  const std::filesystem::path& mount() const { return mount_; }
  void freeze() { frozen_ = run("fsfreeze -f " + mount_.string()); }
  void thaw() {
    if (std::exchange(frozen_, false)) run("fsfreeze -u " + mount_.string());
  }
  bool frozen() const { return frozen_; }

 private:
  static bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }
  std::filesystem::path mount_;
  bool works_ = false, frozen_ = false;
};

}  // namespace

TEST_CASE("a root that hangs stops its own windows alone, and what was cancelled there ends without it") {
  FarmDirectory farm;
  FrozenDisk disk(farm.path);
  if (!disk.works()) {
    WARN("not run: it needs root and a loop device");
    return;
  }
  FarmDirectory slow;
  std::filesystem::remove_all(slow.root);
  slow.root = disk.mount();
  ExecutorProcess executor;
  executor.configure(farm);

  const auto pace = [&](std::uint64_t attempt) {
    const auto begun = SteadyClock::now();
    executor.start(make_grant({.attempt = attempt, .job = 2, .count = 24}), farm);
    std::size_t finished = 0;
    for (auto message = executor.receive(); !message.has_ended(); message = executor.receive()) {
      REQUIRE(message.has_finished());
      REQUIRE(message.finished().attempt().counter() == attempt);
      ++finished;
    }
    CHECK(finished == 24);
    return SteadyClock::now() - begun;
  };
  const auto alone = pace(1);
  auto held = make_grant({.attempt = 2, .job = 1, .count = 24});
  held.mutable_recipe()->set_root("slow");
  slow.staging(2);
  disk.freeze();
  REQUIRE(disk.frozen());
  executor.start(held, slow);
  const auto beside = pace(3);
  CHECK(beside < 3 * alone + std::chrono::seconds(5));

  executor.cancel(held, false);
  const auto ended = executor.receive();
  REQUIRE(ended.has_ended());
  CHECK(ended.ended().attempt().counter() == 2);
  CHECK(ended.ended().outcome() == "revoked");
  pace(4);  // the executor lives, and works
  REQUIRE(disk.frozen());
  disk.thaw();
  pace(5);
  executor.close();
  const int status = executor.wait_status();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == wire::kExitFinished);
}
