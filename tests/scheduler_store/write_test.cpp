#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>

#include "scheduler/store/batch_writer.h"
#include "scheduler/store/database.h"
#include "scheduler/store/latest.h"
#include "scheduler/store/maintenance.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

// Holds the store's thread inside a callback, so that what is written meanwhile waits together.
class Gate {
 public:
  explicit Gate(Store& store) {
    std::promise<void> entered;
    REQUIRE(store
                .write({},
                       [&, opened = opened_.get_future().share()](WriteResult) {
                         entered.set_value();
                         opened.wait();
                       })
                .ok());
    entered.get_future().wait();
  }
  void open() { opened_.set_value(); }

 private:
  std::promise<void> opened_;
};

}  // namespace

TEST_CASE("batches are acknowledged in their order, each with its own sequence, several in one transaction") {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  const std::uint64_t transactions_before = store->counters().transactions;
  Gate gate(*store);
  std::vector<std::uint64_t> sequences;
  std::promise<void> last;
  for (std::uint32_t n = 1; n <= 100; ++n) {
    Persist batch;
    if (n % 10 != 0) batch.puts.emplace_back(CountersRecord{n, 0, 0});  // every tenth is empty
    REQUIRE(store
                ->write(std::move(batch),
                        [&, n](WriteResult result) {
                          sequences.push_back(result.durable_sequence);
                          if (n == 100) last.set_value();
                        })
                .ok());
  }
  gate.open();
  last.get_future().wait();
  std::vector<std::uint64_t> expected;
  std::uint64_t sequence = 0;
  for (std::uint32_t n = 1; n <= 100; ++n) expected.push_back(n % 10 != 0 ? ++sequence : sequence);
  CHECK(sequences == expected);
  CHECK(store->counters().transactions == transactions_before + 1);
  CHECK(store->counters().durable_sequence == 90);
  const LoadedState loaded = store->load().value();
  CHECK(texts_of(loaded.records) == std::vector<std::string>{"counters 99 0 0"});
}

TEST_CASE("full queues refuse and say that they are busy") {
  const TempDirectory directory;
  StoreOptions options;
  options.batches_queued_max = 3;
  options.reads_queued_max = 2;
  auto store = open_store(directory / "farm.db", options);
  Gate gate(*store);
  for (int i = 0; i < 3; ++i) CHECK(store->write(Persist{}, {}).ok());
  CHECK(store->write(Persist{}, {}).error().code == "store.busy");
  std::atomic<int> answers = 0;
  const auto ask = [&] { return store->audit(0, 1, [&](auto) { ++answers; }); };
  CHECK(ask().ok());
  CHECK(ask().ok());
  CHECK(ask().error().code == "store.busy");
  gate.open();
  store.reset();
  CHECK(answers == 2);
}

TEST_CASE("a commit whose files were lost is kept aside, another may follow, and the chain holds over both") {
  const TempDirectory directory;
  const PhaseId phase{JobId(1), 0};
  auto store = open_store(directory / "farm.db");
  write_now(*store, {sample_commit(store->epoch(), 1, phase, 7, 2), sample_commit(store->epoch(), 1, phase, 8, 1)});
  Persist withdrawal;
  withdrawal.commits_withdrawn.emplace_back(phase, 7);
  write_now(*store, withdrawal);
  const auto files_of = [&] {
    return answer_of<std::vector<CommitRecord>>([&](auto done) { return store->files_of(phase, {0, 100}, done); });
  };
  REQUIRE(files_of().size() == 1);
  CHECK(files_of()[0].task == 8);
  write_now(*store, {sample_commit(store->epoch(), 2, phase, 7, 1)});
  REQUIRE(files_of().size() == 2);
  CHECK(files_of()[0].attempt.counter == 2);
  CHECK(files_of()[0].files.size() == 1);
  store.reset();
  const auto found = verify(directory / "farm.db");
  REQUIRE(found.ok());
  CHECK(found->findings == std::vector<std::string>{});
}

TEST_CASE("a second commit of a task stops the store and leaves the first one") {
  const TempDirectory directory;
  const PhaseId phase{JobId(1), 0};
  std::promise<base::Error> fatal;
  StoreOptions options;
  options.on_fatal = [&](base::Error error) { fatal.set_value(std::move(error)); };
  auto store = open_store(directory / "farm.db", options);
  write_now(*store, {sample_commit(store->epoch(), 1, phase, 7, 1)});
  std::atomic<bool> acknowledged = false;
  CHECK(store
            ->write({{CountersRecord{5, 5, 5}, sample_commit(store->epoch(), 2, phase, 7, 1)}, {}},
                    [&](WriteResult) { acknowledged = true; })
            .ok());
  CHECK(fatal.get_future().get().code == "store.invariant");
  CHECK(store->write(Persist{}, {}).error().code == "store.stopped");
  CHECK(store->load().error().code == "store.stopped");
  CHECK(store->audit(0, 1, [](auto) {}).error().code == "store.stopped");
  store.reset();
  CHECK_FALSE(acknowledged);
  auto again = open_store(directory / "farm.db");
  CHECK(again->load().value().records.empty());  // nothing of that batch
  const auto commits =
      answer_of<std::vector<CommitRecord>>([&](auto done) { return again->files_of(phase, {0, 100}, done); });
  REQUIRE(commits.size() == 1);
  CHECK(commits[0].attempt.counter == 1);
}

TEST_CASE("an attempt of an epoch that never was stops the store") {
  const TempDirectory directory;
  std::promise<base::Error> fatal;
  StoreOptions options;
  options.on_fatal = [&](base::Error error) { fatal.set_value(std::move(error)); };
  auto store = open_store(directory / "farm.db", options);
  jobs::Epoch other = store->epoch();
  other.nonce ^= 1;
  CHECK(store->write(Persist{{sample_attempt(other, 1, {JobId(1), 0})}, {}}, {}).ok());
  CHECK(fatal.get_future().get().code == "store.invariant");
}

TEST_CASE("a batch is refused once another process has raised the epoch") {
  const TempDirectory directory;
  Database database = open_database(directory / "farm.db", {77, 0}).value();
  auto writer = BatchWriter::prepare(database.connection, database.epoch, database.epochs).value();
  const Persist batch{{CountersRecord{1, 1, 1}}, {}};
  const Persist* const batches[] = {&batch};
  REQUIRE(database.connection.run("BEGIN").ok());
  const auto position = writer->write(batches, database.position, 1, {});
  REQUIRE(position.ok());
  CHECK(position->sequence == 1);
  REQUIRE(database.connection.run("UPDATE meta SET epoch = epoch + 1").ok());
  CHECK(writer->write(batches, *position, 1, {}).error().code == "store.epoch_lost");
  database.connection.rollback();
  // A sequence that is not where we left it is as bad.
  REQUIRE(database.connection.run("BEGIN; UPDATE meta SET sequence = 40").ok());
  CHECK(writer->write(batches, database.position, 1, {}).error().code == "store.epoch_lost");
  database.connection.rollback();
}

TEST_CASE("of batches in one transaction only the newest row of a key is written") {
  const PhaseId phase{JobId(1), 0};
  const TaskPageRecord page{phase, 0, {1}}, other_page{phase, 1, {1}};
  TaskTroubleRecord trouble;
  trouble.phase = phase;
  trouble.task = 4;
  const Persist first{{page, trouble, sample_commit({}, 1, phase, 1, 0)}, {}};
  const Persist second{{other_page, sample_commit({}, 1, phase, 2, 0)}, {{phase, 4}}};
  const Persist third{{page}, {}};
  const Persist* const all[] = {&first, &second, &third};
  const std::vector<Change> changes = latest_changes(all);
  REQUIRE(changes.size() == 5);
  CHECK(std::get<const Record*>(changes[0]) == &first.puts[2]);
  CHECK(std::get<TroubleErased>(changes[1]).task == 4);
  CHECK(std::get<const Record*>(changes[2]) == &second.puts[0]);
  CHECK(std::get<const Record*>(changes[3]) == &second.puts[1]);
  CHECK(std::get<const Record*>(changes[4]) == &third.puts[0]);
}

TEST_CASE("turns of one batch are written in their order, a trouble erased in between too") {
  const TempDirectory directory;
  const PhaseId phase{JobId(1), 0};
  TaskTroubleRecord trouble;
  trouble.phase = phase;
  trouble.charged_tries = 1;
  auto store = open_store(directory / "farm.db");
  write_now(*store, {sample_job(1)});
  const auto troubles = [&](std::vector<Persist> turns) {
    std::promise<std::uint64_t> durable;
    store->write_turns(std::move(turns), [&](WriteResult result) { durable.set_value(result.durable_sequence); })
        .value();
    durable.get_future().wait();
    std::vector<std::uint32_t> tries;
    const LoadedState loaded = store->load().value();
    for (const Record& record : loaded.records)
      if (const auto* found = std::get_if<TaskTroubleRecord>(&record)) tries.push_back(found->charged_tries);
    return tries;
  };
  const Persist made{{trouble}, {}}, erased{{}, {{phase, 0}}};
  trouble.charged_tries = 2;
  const Persist made_again{{trouble}, {}};
  CHECK(troubles({made}) == std::vector<std::uint32_t>{1});
  CHECK(troubles({erased, made_again}) == std::vector<std::uint32_t>{2});
  CHECK(troubles({made, erased}).empty());
  CHECK(troubles({made, erased, made_again}) == std::vector<std::uint32_t>{2});
  CHECK(store->counters().durable_sequence == 5);
}

TEST_CASE("what is queued when the store closes is committed first") {
  const TempDirectory directory;
  int acknowledged = 0;
  {
    auto store = open_store(directory / "farm.db");
    for (std::uint32_t n = 1; n <= 50; ++n)
      REQUIRE(store->write(Persist{{CountersRecord{n, 0, 0}}, {}}, [&](WriteResult) { ++acknowledged; }).ok());
  }
  CHECK(acknowledged == 50);
  CHECK(texts_of(open_store(directory / "farm.db")->load().value().records) ==
        std::vector<std::string>{"counters 50 0 0"});
}
