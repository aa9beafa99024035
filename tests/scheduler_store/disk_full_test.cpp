// A full disk on a real, small file system: a tmpfs of 1 MiB, mounted in a child with a mount namespace of its own (as
// root, or as root of a user namespace).
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <fstream>
#include <mutex>

#include "scheduler/store/maintenance.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

// The child's checks: the first that fails is its exit status, told to the parent with its line.
void must(bool condition, int line) {
  if (condition) return;
  ::dprintf(2, "disk_full_test.cpp:%d: does not hold\n", line);
  ::_exit(1);
}
#define MUST(CONDITION) must((CONDITION), __LINE__)

constexpr int kNoMount = 77;

void mount_small_disk(const std::filesystem::path& on) {
  const uid_t user = ::getuid();
  const int spaces = user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
  if (::unshare(spaces) != 0) ::_exit(kNoMount);
  if (user != 0) std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (::mount("small", on.c_str(), "tmpfs", 0, "size=1m") != 0) ::_exit(kNoMount);
}

struct Health {
  std::mutex mutex;
  std::condition_variable changed;
  int full = 0, recovered = 0;
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), condition);
  }
};

Persist sizeable_batch(jobs::Epoch epoch, std::uint32_t n) {
  AttemptRecord attempt = sample_attempt(epoch, n, {JobId(1), 0});
  attempt.output_tail.assign(8000, 'x');
  return {{sample_commit(epoch, n, {JobId(1), 0}, n, 1), CountersRecord{n, 0, 0}, attempt}, {}};
}

void fill_and_recover(const std::filesystem::path& disk) {
  mount_small_disk(disk);
  const std::filesystem::path path = disk / "farm.db", other = disk / "other";
  Health health;
  StoreOptions options;
  options.ballast_bytes = 100 << 10;
  options.disk_retry = base::milliseconds(20);
  options.on_disk_full = [&](const base::Error& error) {
    MUST(error.code == "store.disk_full");
    const std::lock_guard lock(health.mutex);
    ++health.full;
    health.changed.notify_all();
  };
  options.on_disk_recovered = [&] {
    const std::lock_guard lock(health.mutex);
    ++health.recovered;
    health.changed.notify_all();
  };
  {
    auto store = open_store(path, options);
    std::ofstream(other) << std::string(400 << 10, 'x');  // somebody else's file
    std::atomic<std::uint32_t> durable = 0;
    std::uint32_t written = 0;
    // Fill the disk until batches stay behind although the ballast is gone.
    for (int idle = 0; idle < 50 || health.full == 0;) {
      const std::uint32_t before = durable;
      const bool queued = written < durable + 4;
      if (queued) {
        ++written;
        MUST(
            store->write(sizeable_batch(store->epoch(), written), [&, n = written](WriteResult) { durable = n; }).ok());
      }
      ::usleep(2000);
      idle = durable == before && !queued ? idle + 1 : 0;
      MUST(written < 1000);
    }
    MUST(!std::filesystem::exists(disk / "farm.db.ballast"));
    MUST(durable < written);
    MUST(health.full == 1);  // reported once
    MUST(health.recovered == 0);
    MUST(store->counters().disk_full);
    // Reads go on.
    const auto commits = answer_of<std::vector<CommitRecord>>(
        [&](auto done) { return store->files_of({JobId(1), 0}, {0, 4096}, done); });
    MUST(commits.size() == durable);
    std::filesystem::remove(other);
    MUST(health.wait([&] { return health.recovered == 1; }));
    for (int i = 0; i < 1000 && durable < written; ++i) ::usleep(5000);
    MUST(durable == written);  // what was kept has been written
    MUST(std::filesystem::exists(disk / "farm.db.ballast"));
    write_now(*store, sizeable_batch(store->epoch(), written + 1));
    MUST(!store->counters().disk_full);
  }
  const VerifyReport report = verify(path).value();
  MUST(report.whole());
  MUST(report.durable_sequence == report.commits_checked);
}

void close_while_full(const std::filesystem::path& disk) {
  mount_small_disk(disk);
  const std::filesystem::path path = disk / "farm.db";
  std::uint32_t durable = 0, written = 0;
  {
    StoreOptions options;
    options.ballast_bytes = 0;
    auto store = open_store(path, options);
    std::ofstream(disk / "other") << std::string(600 << 10, 'x');
    while (!store->counters().disk_full) {
      MUST(store->write(sizeable_batch(store->epoch(), ++written), [&](WriteResult) { ++durable; }).ok());
      ::usleep(2000);
      MUST(written < 1000);
    }
  }
  MUST(durable < written);
  std::filesystem::remove(disk / "other");
  MUST(verify(path).value().whole());
  MUST(verify(path).value().durable_sequence == durable);
}

int in_child(void (*test)(const std::filesystem::path&), const std::filesystem::path& disk) {
  const pid_t child = ::fork();
  if (child == 0) {
    test(disk);
    ::_exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("on a full disk acknowledged rows survive, the rest is kept and written once there is room") {
  const TempDirectory directory;
  const int status = in_child(fill_and_recover, directory.path());
  if (status == kNoMount) WARN("no right to mount a small file system here: not tested");
  CHECK((status == 0 || status == kNoMount));
}

TEST_CASE("a store that closes on a full disk keeps what it acknowledged") {
  const TempDirectory directory;
  const int status = in_child(close_while_full, directory.path());
  if (status == kNoMount) WARN("no right to mount a small file system here: not tested");
  CHECK((status == 0 || status == kNoMount));
}
