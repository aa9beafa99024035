// The scheduler's loop with ports in memory: virtual time, a journal that a test may stall or fill, and workers that
// keep what they were sent.
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "jobs/spec.h"
#include "scheduler/core/policy/planned_files.h"
#include "scheduler/link/report.h"
#include "scheduler/loop/scheduler.h"
#include "tests/scheduler_core/stage.h"
#include "tests/support/virtual_loop.h"
#include "wire/farm.pb.h"

namespace framemill::scheduler::test {

struct Disk {  // what outlives the process
  stage::StoredRecords records;
  std::uint64_t sequence = 0;
  std::uint32_t epoch = 0;
};

class MemoryJournal : public store::Journal {
 public:
  MemoryJournal(base::Loop& loop, Disk& disk) : loop_(loop), disk_(disk) { ++disk_.epoch; }

  bool stalled = false;         // nothing becomes durable
  std::string refuses_lookups;  // the code of the error; empty: it answers
  std::string refuses_writes;   // the same
  std::size_t batches_waiting() const { return waiting_.size(); }
  std::size_t batches_written = 0;

  jobs::Epoch epoch() const override { return {disk_.epoch, 0xABCD}; }
  base::Result<store::LoadedState> load() override { return store::LoadedState{disk_.records.load(), disk_.sequence}; }
  base::Status write_turns(std::vector<Persist> turns, std::function<void(store::WriteResult)> done) override {
    if (!refuses_writes.empty()) return base::Error{refuses_writes, "the disk is gone", "", ""};
    waiting_.push_back({std::move(turns), std::move(done)});
    loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) commit();
    });
    return {};
  }
  void go_on() {
    stalled = false;
    commit();
  }

  base::Status files_of(PhaseId phase, TaskRange tasks, store::Callback<std::vector<CommitRecord>> done) override {
    if (!refuses_lookups.empty()) return base::Error{refuses_lookups, "too many questions", "", ""};
    std::vector<std::pair<PhaseId, TaskIndex>> keys;
    for (TaskIndex t = tasks.first; t < tasks.end(); ++t) keys.emplace_back(phase, t);
    loop_.post([found = disk_.records.commits_of(keys), done = std::move(done)] { done(found); });
    return {};
  }

 private:
  struct Batch {
    std::vector<Persist> turns;
    std::function<void(store::WriteResult)> done;
  };
  void commit() {
    while (!stalled && !waiting_.empty()) {
      const Batch batch = std::move(waiting_.front());
      waiting_.pop_front();
      for (const Persist& turn : batch.turns) disk_.records.write(turn);
      ++disk_.sequence;
      ++batches_written;
      batch.done({disk_.sequence});
    }
  }

  base::Loop& loop_;
  Disk& disk_;
  std::deque<Batch> waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class MemoryWorkers : public WorkerPort {
 public:
  std::map<std::string, std::vector<wire::SchedulerReply>> sent;  // by key
  std::map<std::string, Sent> states;                             // of those that cannot be reached
  std::map<std::string, std::uint64_t> expected;

  void expect(const std::string& key, std::uint64_t incarnation) override { expected[key] = incarnation; }
  Sent send(const std::string& key, const wire::SchedulerReply& reply) override {
    const auto state = states.find(key);
    if (state != states.end() && state->second != Sent::Yes) return state->second;
    sent[key].push_back(reply);
    return Sent::Yes;
  }

  std::vector<wire::Grant> grants(const std::string& key) const {
    std::vector<wire::Grant> all;
    if (const auto replies = sent.find(key); replies != sent.end())
      for (const wire::SchedulerReply& reply : replies->second)
        all.insert(all.end(), reply.grants().begin(), reply.grants().end());
    return all;
  }
  std::size_t publish_orders(const std::string& key) const {
    std::size_t count = 0;
    if (const auto replies = sent.find(key); replies != sent.end())
      for (const wire::SchedulerReply& reply : replies->second) count += static_cast<std::size_t>(reply.publish_size());
    return count;
  }
  // The highest report that the worker has heard to be durable.
  std::uint64_t acknowledged(const std::string& key) const {
    const auto replies = sent.find(key);
    return replies == sent.end() ? 0 : replies->second.back().acked_report();
  }
};

// One scheduler, started again at will, and one worker "w1" that says what the test says.
struct LoopFixture {
  framemill::test::VirtualLoop loop;
  Disk disk;
  std::unique_ptr<MemoryJournal> journal;
  MemoryWorkers workers;
  std::unique_ptr<Scheduler> scheduler;
  std::vector<base::Error> stops;
  std::vector<EventBatch> batches;
  std::vector<std::string> answers;  // "submit", or the code of what went wrong
  std::uint64_t reports = 0;
  FarmSettings settings;

  LoopFixture() { start(); }
  void start() {
    scheduler.reset();
    journal = std::make_unique<MemoryJournal>(loop, disk);
    scheduler = std::make_unique<Scheduler>(Scheduler::Ports{loop, *journal, workers}, settings,
                                            [this](const base::Error& error) { stops.push_back(error); });
    scheduler->on_events([this](EventBatch batch) { batches.push_back(std::move(batch)); });
    REQUIRE(scheduler->start().ok());
  }

  JobSubmitted submission(const std::string& text) {
    jobs::ParsedSpec parsed = jobs::parse_spec(text, jobs::SpecFormat::Toml);
    REQUIRE(parsed.spec);
    JobSubmitted event;
    event.cause = {"ana", loop.now().wall, ""};
    event.spec = std::make_shared<const jobs::JobSpec>(*std::move(parsed.spec));
    event.body = base::sha256(text);
    event.request = scheduler->expect([this](const base::Result<AnswerValue>& answer) {
      answers.push_back(answer.ok() ? "submit" : answer.error().code);
    });
    return event;
  }
  // Frames 1 to `frames` of one command, a task each, and where wished a second layer that reads them.
  static std::string spec(int frames, bool second_layer = false) {
    const std::string first =
        "api = \"framemill/v1\"\nname = \"a\"\nshow = \"test\"\nshot = \"sh10\"\n\n[[layer]]\nname = \"paint\"\n"
        "kind = \"command\"\nargv = [\"paint\", \"{frame}\", \"{output}\"]\nframes = \"1-" +
        std::to_string(frames) + "\"\nchunk = 1\nroot = \"main\"\noutput = \"a/v{version:03}/p.{frame:04}.png\"\n";
    if (!second_layer) return first;
    return first +
           "\n[[layer]]\nname = \"grade\"\nkind = \"command\"\ninput = [{ layer = \"paint\" }]\n"
           "argv = [\"paint\", \"{input}\", \"{output}\"]\nframes = \"1-" +
           std::to_string(frames) + "\"\nchunk = 1\nroot = \"main\"\noutput = \"a/v{version:03}/g.{frame:04}.png\"\n";
  }
  void submit(int frames = 4, bool second_layer = false) { scheduler->apply(submission(spec(frames, second_layer))); }

  WorkerReported report(const std::string& name = "w1") {
    WorkerReported report;
    report.key = name;
    report.incarnation = 5;
    report.sequence = ++reports;
    Inventory inventory;
    inventory.name = name;
    DeviceState device;
    device.id = "cpu0";
    device.cpus = 4;
    device.memory_bytes_total = device.memory_bytes_budget = 4ull << 30;
    inventory.devices.push_back(device);
    inventory.slots.push_back({0, "s0", 0, {}, true});
    inventory.roots.push_back({"main", true, 1ull << 40, true});
    inventory.commands = {"paint"};
    report.inventory = std::move(inventory);
    return report;
  }
  void hear(WorkerReported event) { scheduler->apply(std::move(event)); }
  // The worker has made the task of a grant, and ends the attempt.
  void add_finished(WorkerReported& event, const wire::Grant& grant) {
    TaskFinished finished;
    finished.attempt = attempt_of(grant);
    finished.phase = {JobId(grant.tasks().job()), grant.tasks().phase()};
    finished.task = grant.tasks().first();
    const jobs::PhasePlan& plan = scheduler->farm().job(finished.phase.job)->plan->phases.at(finished.phase.index);
    const jobs::Frame frame = jobs::task_frames(plan, finished.task).first();
    const std::string path = jobs::output_path(plan, frame);
    finished.files = {
        {0, std::to_string(finished.task) + "/" + path.substr(path.rfind('/') + 1), path, 10, {}, {}, frame}};
    event.finished.push_back(std::move(finished));
    AttemptEnded ended;
    ended.attempt = attempt_of(grant);
    event.ended.push_back(std::move(ended));
  }
  static void add_running(WorkerReported& event, const wire::Grant& grant) {
    AttemptRunning running;
    running.attempt = attempt_of(grant);
    event.running.push_back(std::move(running));
  }
  static void add_published(WorkerReported& event, const wire::Grant& grant) {
    event.published.push_back({{JobId(grant.tasks().job()), grant.tasks().phase()}, {grant.tasks().first(), 1}});
  }
  static AttemptId attempt_of(const wire::Grant& grant) { return attempt_from_wire(grant.attempt()); }

  std::size_t events_of(const std::string& what) const {
    std::size_t count = 0;
    for (const EventBatch& batch : batches)
      for (const EventRow& row : batch.events) count += what_of(row.event) == what ? 1 : 0;
    return count;
  }
};

}  // namespace framemill::scheduler::test
