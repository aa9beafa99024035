// Where callbacks run, and in what order they come there.
#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

// The loop that callbacks are brought to: they run when the test says so, on its thread.
class Mailbox {
 public:
  std::function<void(std::function<void()>)> deliver() {
    return [this](std::function<void()> callback) {
      const std::lock_guard lock(mutex_);
      from_ = std::this_thread::get_id();
      waiting_.push_back(std::move(callback));
      came_.notify_all();
    };
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(came_.wait_for(lock, std::chrono::seconds(60), [&] { return waiting_.size() >= count; }));
  }
  std::size_t run_all() {
    std::deque<std::function<void()>> now;
    {
      const std::lock_guard lock(mutex_);
      now.swap(waiting_);
    }
    for (const auto& callback : now) callback();
    return now.size();
  }
  std::thread::id from() {
    const std::lock_guard lock(mutex_);
    return from_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> waiting_;
  std::thread::id from_;
};

Persist counters(std::uint32_t number) {
  return {{CountersRecord{number, 0, 0}}, {}};
}

}  // namespace

TEST_CASE("callbacks are delivered in the order of their batches, and run nowhere else") {
  const TempDirectory directory;
  Mailbox mailbox;
  StoreOptions options;
  options.deliver = mailbox.deliver();
  auto store = open_store(directory / "farm.db", options);
  constexpr std::uint32_t kBatches = 200;
  std::vector<std::uint32_t> order;
  std::vector<std::uint64_t> sequences;
  std::vector<std::thread::id> threads;
  for (std::uint32_t n = 0; n < kBatches; ++n)
    REQUIRE(store
                ->write(counters(n),
                        [&, n](WriteResult result) {
                          order.push_back(n);
                          sequences.push_back(result.durable_sequence);
                          threads.push_back(std::this_thread::get_id());
                        })
                .ok());
  mailbox.wait_for(kBatches);
  CHECK(order.empty());  // delivered, and not run
  CHECK(mailbox.from() != std::this_thread::get_id());
  CHECK(mailbox.run_all() == kBatches);
  for (std::uint32_t n = 0; n < kBatches; ++n) {
    CHECK(order[n] == n);
    CHECK(sequences[n] == sequences[0] + n);
    CHECK(threads[n] == std::this_thread::get_id());
  }
}

TEST_CASE("what is read after a batch was reported as durable has it, whoever asks") {
  const TempDirectory directory;
  Mailbox mailbox;
  StoreOptions options;
  options.deliver = mailbox.deliver();
  auto store = open_store(directory / "farm.db", options);
  std::vector<std::string> said;
  for (std::uint64_t n = 1; n <= 20; ++n) {
    REQUIRE(store
                ->write({{AuditRecord{n, sample_cause(), "drain", "worker 3"}}, {}},
                        [&, n](WriteResult) {
                          said.push_back("written " + std::to_string(n));
                          REQUIRE(store
                                      ->audit(1, 100,
                                              [&, n](const base::Result<std::vector<AuditRecord>>& read) {
                                                REQUIRE(read.ok());
                                                CHECK(read->size() >= n);
                                                said.push_back("read " + std::to_string(n));
                                              })
                                      .ok());
                        })
                .ok());
    mailbox.wait_for(1);
    mailbox.run_all();
    mailbox.wait_for(1);
    mailbox.run_all();
    REQUIRE(said.size() == 2 * n);
    CHECK(said[2 * n - 2] == "written " + std::to_string(n));
    CHECK(said.back() == "read " + std::to_string(n));
  }
}

TEST_CASE("a store that stops says so after all that it made durable, and nothing follows") {
  const TempDirectory directory;
  Mailbox mailbox;
  std::vector<std::string> said;
  StoreOptions options;
  options.deliver = mailbox.deliver();
  options.on_fatal = [&](const base::Error&) { said.emplace_back("stopped"); };
  auto store = open_store(directory / "farm.db", options);
  const PhaseId phase{JobId(1), 0};
  const auto commit = [&] { return Persist{{sample_commit(store->epoch(), 1, phase, 3, 1)}, {}}; };
  const auto say = [&](const char* what) { return [&said, what](WriteResult) { said.emplace_back(what); }; };
  REQUIRE(store->write({{sample_job(1)}, {}}, say("job")).ok());
  REQUIRE(store->write(commit(), say("commit")).ok());
  mailbox.wait_for(2);
  REQUIRE(store->write(commit(), say("the same again")).ok());  // a task is committed once
  mailbox.wait_for(3);
  (void)store->write(counters(1), say("after it"));
  store.reset();
  mailbox.run_all();
  CHECK(said == std::vector<std::string>{"job", "commit", "stopped"});
}
