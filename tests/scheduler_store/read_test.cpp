#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <map>

#include "scheduler/store/maintenance.h"
#include "tests/scheduler_store/support.h"

using namespace framemill;
using namespace framemill::scheduler;
using namespace framemill::scheduler::store;
using namespace framemill::scheduler::store::testing;

namespace {

using Row = std::vector<std::string>;

std::vector<Row> query(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  std::vector<Row> rows;
  char* fault = nullptr;
  sqlite3_exec(
      handle, sql.c_str(),
      [](void* to, int count, char** values, char**) {
        Row row;
        for (int i = 0; i < count; ++i) row.emplace_back(values[i] ? values[i] : "NULL");
        static_cast<std::vector<Row>*>(to)->push_back(std::move(row));
        return 0;
      },
      &rows, &fault);
  if (fault) FAIL(fault);
  sqlite3_close(handle);
  return rows;
}

std::string commit_path_of(const std::filesystem::path& path) {
  return query(path, "SELECT path FROM commit_files WHERE job = 12 AND number = 0").at(0).at(0);
}

}  // namespace

TEST_CASE("commits of a job come in pages, with their files and on demand with what they read") {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  std::vector<Record> commits;
  for (std::uint32_t phase = 0; phase < 2; ++phase)
    for (TaskIndex task = 0; task < 25; ++task)
      commits.emplace_back(sample_commit(store->epoch(), 1, {JobId(1), phase}, task, static_cast<int>(task % 3)));
  commits.emplace_back(sample_commit(store->epoch(), 2, {JobId(2), 0}, 0, 1));
  write_now(*store, commits);
  commits.pop_back();

  std::vector<std::string> found;
  CommitCursor cursor;
  while (true) {
    const auto page = answer_of<std::vector<CommittedTask>>(
        [&](auto done) { return store->commits_of(JobId(1), cursor, 8, scheduler::store::Reads::Include, done); });
    for (const CommittedTask& task : page) found.push_back(text_of(task.commit));
    if (page.size() < 8) break;
    cursor = {page.back().commit.phase.index, page.back().commit.task + 1};
  }
  CHECK(found == texts_of(commits));

  const auto range =
      answer_of<std::vector<CommitRecord>>([&](auto done) { return store->files_of({JobId(1), 1}, {7, 3}, done); });
  REQUIRE(range.size() == 3);
  CHECK(range[0].task == 7);
  CHECK(range[1].files.size() == 2);
  CHECK(range[1].reads.empty());
  CHECK_FALSE(store->files_of({JobId(1), 1}, {0, 4097}, [](auto) {}).ok());
}

TEST_CASE("a committed task's state is the phase's where all agree, and its page's where they differ") {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  const PhaseId done{JobId(1), 0}, mixed{JobId(1), 1}, bare{JobId(1), 2};
  // What is on the page of a phase that is all in one state is of an earlier time.
  PhaseRecord two_states = sample_phase(mixed, jobs::TaskState::Ready, 5000);
  two_states.counts.fill(0);
  two_states.counts[static_cast<std::size_t>(jobs::TaskState::Ready)] = 4998;
  two_states.counts[static_cast<std::size_t>(jobs::TaskState::Published)] = 2;
  const auto page = [](PhaseId phase, std::uint32_t number, std::size_t tasks, std::size_t at, jobs::TaskState state) {
    TaskPageRecord made{phase, number, std::vector<std::uint8_t>(tasks, static_cast<std::uint8_t>(1))};
    made.states[at] = static_cast<std::uint8_t>(state);
    return made;
  };
  write_now(*store, {sample_phase(done, jobs::TaskState::Published, 2), page(done, 0, 2, 0, jobs::TaskState::Leased),
                     two_states, page(mixed, 0, 4096, 7, jobs::TaskState::Published),
                     page(mixed, 1, 904, 3, jobs::TaskState::Published), sample_commit(store->epoch(), 1, done, 0, 1),
                     sample_commit(store->epoch(), 1, mixed, 7, 1), sample_commit(store->epoch(), 1, mixed, 8, 1),
                     sample_commit(store->epoch(), 1, mixed, 4099, 1), sample_commit(store->epoch(), 1, bare, 0, 1)});
  std::vector<jobs::TaskState> states;
  for (const CommittedTask& task : answer_of<std::vector<CommittedTask>>(
           [&](auto done_) { return store->commits_of(JobId(1), {}, 100, scheduler::store::Reads::Leave, done_); }))
    states.push_back(task.state);
  using enum jobs::TaskState;
  CHECK(states == std::vector{Published, Published, Ready, Published, Committed});
}

TEST_CASE("a remake's replacement file is what its commit names from then on, and the chain holds") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  const PhaseId first{JobId(12), 1}, second{JobId(20), 1};
  {
    auto store = open_store(path);
    const CommitRecord commit = sample_commit(store->epoch(), 1, first, 3, 2);
    CommitRecord again = sample_commit(store->epoch(), 2, second, 3, 2);
    again.files = commit.files;
    again.files[0].sha256 = base::sha256("other");
    again.files[0].samples_sha256 = base::sha256("other samples");
    again.files[0].size_bytes = 4711;
    JobRecord remake = sample_job(20);
    remake.remake_of = JobId(12);
    remake.replaces = true;
    write_now(*store, {sample_job(12), remake, commit});
    RemakeRecord remade{second, 3, JobId(12), commit.files, {}, RemakeOutcome::Open, {}};
    const auto digests = [&] {
      const auto found =
          answer_of<std::vector<CommitRecord>>([&](auto done) { return store->files_of(first, {3, 1}, done); });
      return std::pair{found.at(0).files.at(0).sha256.hex(), found.at(0).files.at(1).sha256.hex()};
    };
    const auto as_committed = std::pair{commit.files[0].sha256.hex(), commit.files[1].sha256.hex()};
    write_now(*store, {remade});
    CHECK(digests() == as_committed);
    remade.after = again.files;
    write_now(*store, {remade, again});
    CHECK(digests() == as_committed);  // it has no name yet
    remade.outcome = RemakeOutcome::Differs;
    write_now(*store, {remade});
    CHECK(digests() == as_committed);
    remade.outcome = RemakeOutcome::Replaced;
    write_now(*store, {remade});
    CHECK(digests() == std::pair{base::sha256("other").hex(), commit.files[1].sha256.hex()});
  }
  CHECK(verify(path).value().whole());
  const std::string name = commit_path_of(path);
  CHECK(query(path, "SELECT sha256, size_bytes FROM frames WHERE job = 12 AND path = '" + name + "'") ==
        std::vector<Row>{{base::sha256("other").hex(), "4711"}});
  CHECK(query(path, "SELECT remake, outcome, recorded_sha256 <> made_sha256 FROM remade WHERE job = 12 AND path = '" +
                        name + "'") == std::vector<Row>{{"20", "replaced", "1"}});
}

TEST_CASE("attempts come in the order of their grants, with output tails only when asked") {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  std::vector<Record> attempts;
  for (std::uint64_t counter = 1; counter <= 12; ++counter) {
    AttemptRecord attempt = sample_attempt(store->epoch(), counter, {JobId(1), 0});
    attempt.output_tail = std::string("line\nwith a \0 byte", 18);
    attempt.live = counter > 10;
    attempt.outcome = counter == 3 ? jobs::Outcome::Failed : jobs::Outcome::Ok;
    attempt.usage.compute_us = 1000;
    attempt.usage.model_loads = counter == 1;
    attempt.tasks_committed = 3;
    attempts.emplace_back(attempt);
  }
  write_now(*store, attempts);
  const auto page = [&](AttemptCursor from, OutputTails tails) {
    const auto found = answer_of<std::vector<AttemptRecord>>(
        [&](auto done) { return store->attempts_of(JobId(1), from, 8, tails, done); });
    std::vector<std::string> texts;
    for (const AttemptRecord& attempt : found) texts.push_back(text_of(attempt));
    return texts;
  };
  const std::vector<std::string> all = texts_of(attempts);
  CHECK(page({}, OutputTails::Include) == std::vector(all.begin(), all.begin() + 8));
  CHECK(page({store->epoch().number, 9}, OutputTails::Include) == std::vector(all.begin() + 8, all.end()));
  for (Record& record : attempts) std::get<AttemptRecord>(record).output_tail.clear();
  const std::vector<std::string> bare = texts_of(attempts);
  CHECK(page({}, OutputTails::Leave) == std::vector(bare.begin(), bare.begin() + 8));
}

TEST_CASE("an attempt's files are those of the tasks that it committed, the first ones") {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  const PhaseId phase{JobId(1), 1};
  std::vector<Record> records;
  for (TaskIndex task = 0; task < 6; ++task)  // two attempts hold the same tasks and take turns
    records.emplace_back(sample_commit(store->epoch(), 1 + task % 2, phase, task, 3));
  records.emplace_back(sample_commit(store->epoch(), 1, {JobId(1), 2}, 0, 3));
  write_now(*store, records);
  std::vector<AttemptRecord> attempts{sample_attempt(store->epoch(), 1, phase),
                                      sample_attempt(store->epoch(), 2, phase),
                                      sample_attempt(store->epoch(), 3, phase)};
  for (AttemptRecord& attempt : attempts) {
    attempt.tasks = {0, 6};
    attempt.files_written = attempt.files_read = 9;
  }
  const auto files =
      answer_of<std::vector<AttemptFiles>>([&](auto done) { return store->files_of_attempts(attempts, 4, done); });
  REQUIRE(files.size() == 3);
  const auto paths = [](const std::vector<ReadRecord>& of) {
    std::vector<std::string> found;
    for (const ReadRecord& file : of) found.push_back(file.root + ":" + file.path);
    return found;
  };
  CHECK(paths(files[0].written) == std::vector<std::string>{"out:j1/p1/t0.0000.exr", "out:j1/p1/t0.0001.exr",
                                                            "out:j1/p1/t0.0002.exr", "out:j1/p1/t2.0000.exr"});
  CHECK(paths(files[1].read) == std::vector<std::string>{"out:in/j1/p1/t1.0000.exr", "out:in/j1/p1/t1.0001.exr",
                                                         "out:in/j1/p1/t1.0002.exr", "out:in/j1/p1/t3.0000.exr"});
  CHECK(files[0].written[0].sha256 == base::sha256("j1/p1/t0.0000.exr"));
  CHECK(files[0].written[0].size_bytes == 4096);
  CHECK(files[2].written.empty());
  attempts.resize(65, attempts[0]);
  CHECK_FALSE(store->files_of_attempts(attempts, 4, [](auto) {}).ok());
}

TEST_CASE("the audit is read from any number on") {
  const TempDirectory directory;
  auto store = open_store(directory / "farm.db");
  std::vector<Record> rows;
  for (std::uint64_t n = 1; n <= 5; ++n) rows.emplace_back(AuditRecord{n, sample_cause(), "cancel", "job 12"});
  write_now(*store, rows);
  const auto found = answer_of<std::vector<AuditRecord>>([&](auto done) { return store->audit(3, 2, done); });
  REQUIRE(found.size() == 2);
  CHECK(text_of(found[0]) == text_of(rows[2]));
  CHECK(text_of(found[1]) == text_of(rows[3]));
}

TEST_CASE("the view of tasks has the state of every task, on a page or not") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  std::map<std::string, std::string> expected;  // of job 12
  {
    auto store = open_store(path);
    // Phase 0 has all its pages: 5,000 tasks. Of phase 1 only page 1 of three. Phase 2 has none.
    TaskPageRecord full{{JobId(12), 0}, 0, std::vector<std::uint8_t>(4096)},
        rest{{JobId(12), 0}, 1, std::vector<std::uint8_t>(904)};
    TaskPageRecord middle{{JobId(12), 1}, 1, std::vector<std::uint8_t>(4096, 1)};
    PhaseRecord first{{JobId(12), 0}, jobs::PhaseState::Running, {}, ""};
    for (std::size_t i = 0; i < 4096; ++i) full.states[i] = static_cast<std::uint8_t>(i % 8);
    for (std::size_t i = 0; i < 904; ++i) rest.states[i] = static_cast<std::uint8_t>((i / 3) % 8);
    middle.states[5] = 4;
    const auto note = [&](const TaskPageRecord& page, PhaseRecord* phase) {
      for (std::size_t i = 0; i < page.states.size(); ++i) {
        const auto task = page.page * kTasksPerPage + i;
        expected[std::to_string(page.phase.index) + "/" + std::to_string(task)] =
            jobs::name(static_cast<jobs::TaskState>(page.states[i]));
        if (phase) ++phase->counts[page.states[i]];
      }
    };
    note(full, &first);
    note(rest, &first);
    note(middle, nullptr);
    PhaseRecord second = sample_phase({JobId(12), 1}, jobs::TaskState::Ready, 9000);
    --second.counts[1];
    ++second.counts[4];
    for (int task = 0; task < 9000; ++task) expected.emplace("1/" + std::to_string(task), "ready");
    PhaseRecord third = sample_phase({JobId(12), 2}, jobs::TaskState::Cancelled, 3);
    for (const char* task : {"2/0", "2/1", "2/2"}) expected.emplace(task, "cancelled");
    // Phase 3 is done: all its tasks are alike, and its page still tells of the time when they were not.
    PhaseRecord fourth = sample_phase({JobId(12), 3}, jobs::TaskState::Published, 4);
    const TaskPageRecord stale{{JobId(12), 3}, 0, {4, 4, 3, 2}};
    for (const char* task : {"3/0", "3/1", "3/2", "3/3"}) expected.emplace(task, "published");
    write_now(*store, {sample_job(12), first, second, third, fourth, full, rest, middle, stale,
                       sample_phase({JobId(13), 0}, jobs::TaskState::Ready, 10)});
  }
  std::map<std::string, std::string> found;
  for (const Row& row : query(path, "SELECT phase, task, state FROM tasks WHERE job = 12"))
    CHECK(found.emplace(row[0] + "/" + row[1], row[2]).second);
  CHECK(found.size() == 5000 + 9000 + 3 + 4);
  CHECK(found == expected);
  CHECK(query(path, "SELECT count(*) FROM tasks WHERE job = 13") == std::vector<Row>{{"10"}});
  CHECK(query(path, "SELECT layer, kind, state, tasks FROM phases WHERE job = 12") ==
        std::vector<Row>{{"step0", "command", "running", "8"}, {"step1", "command", "running", "3"}});
}

TEST_CASE("a person reads frames, states and causes with plain SQL") {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "farm.db";
  {
    auto store = open_store(path);
    WorkerRecord worker;
    worker.id = WorkerId(1);
    worker.name = "w1";
    write_now(*store, {sample_job(3), worker, sample_attempt(store->epoch(), 1, {JobId(3), 0}),
                       sample_commit(store->epoch(), 1, {JobId(3), 0}, 2, 1)});
  }
  const std::vector<Row> frames =
      query(path, "SELECT layer, frame, path, sha256, attempt, worker FROM frames WHERE job = 3 AND kind = 'frame'");
  REQUIRE(frames.size() == 1);
  const std::string file = "j3/p0/t2.0000.exr";
  CHECK(frames[0][0] == "step0");
  CHECK(frames[0][2] == file);
  CHECK(frames[0][3] == base::sha256(file).hex());
  CHECK(frames[0][4].starts_with("1-"));
  CHECK(frames[0][5] == "w1");
  CHECK(query(path, "SELECT name, state, submitted_by, submit_reason FROM jobs") ==
        std::vector<Row>{{"job 3", "queued", "ana", "because it's \"needed\""}});
}
