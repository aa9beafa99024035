// A worker's loop with ports in memory: virtual time, a scheduler that hears reports and says what the test says, and
// executors, children and storage that only note what was asked of them.
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/virtual_loop.h"
#include "worker/loop/worker_loop.h"

namespace framemill::worker::test {

struct MemoryScheduler : SchedulerPort {
  bool is_connected = true, is_accepted = true, takes_reports = true;
  struct Said {
    Report report;
    wire::Inventory inventory;
    std::size_t looked_for = 0;
  };
  std::vector<Said> said;
  int refused = 0;
  std::string text = "connected";

  bool connected() const override { return is_connected; }
  bool accepted() const override { return is_accepted; }
  base::Status send(const Report& report, const wire::Inventory* inventory,
                    const std::vector<wire::FilesLookedFor>& looked_for) override {
    if (!takes_reports) {
      ++refused;
      return base::Error{"net.queue_full", "no room", "", ""};
    }
    said.push_back({report, *inventory, looked_for.size()});
    return {};
  }
  const std::string& status() const override { return text; }

  template <class Item>
  std::vector<Item> items() const {  // of all reports
    std::vector<Item> found;
    for (const Said& one : said)
      for (const ReportItem& item : one.report.items)
        if (const auto* it = std::get_if<Item>(&item)) found.push_back(*it);
    return found;
  }
};

// Notes every call as one line: "begin 0 7 tasks 0+4".
struct Notes {
  std::vector<std::string> lines;
  void add(std::string line) { lines.push_back(std::move(line)); }
  std::size_t count(const std::string& begin) const {
    std::size_t found = 0;
    for (const std::string& line : lines) found += line.starts_with(begin) ? 1 : 0;
    return found;
  }
};

inline std::string name_of(const AttemptId& attempt) {
  return std::to_string(attempt.counter);
}
inline std::string name_of(const TaskRange& tasks) {
  return std::to_string(tasks.first) + "+" + std::to_string(tasks.count);
}

struct MemoryExecutors : ExecutorPort {
  Notes& notes;
  std::function<void(SlotIndex)> on_start;
  std::function<void(const AttemptId&)> on_begin;
  explicit MemoryExecutors(Notes& n) : notes(n) {}
  void start(SlotIndex slot) override {
    notes.add("start " + std::to_string(slot));
    if (on_start) on_start(slot);
  }
  void finish(SlotIndex slot) override { notes.add("finish " + std::to_string(slot)); }
  void kill(SlotIndex slot, KilledBecause) override { notes.add("kill " + std::to_string(slot)); }
  void begin(SlotIndex, const AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks) override {
    notes.add("begin " + name_of(attempt) + " of " + grant.recipe().layer() + " tasks " + name_of(tasks));
    if (on_begin) on_begin(attempt);
  }
  void cancel(SlotIndex, const AttemptId& attempt, bool keep_finished, const TaskRange&) override {
    notes.add("cancel " + name_of(attempt) + (keep_finished ? " keep" : ""));
  }
  void forget(const AttemptId& attempt) override { notes.add("forget " + name_of(attempt)); }
};

struct MemoryChildren : ChildPort {
  Notes& notes;
  std::vector<AttemptId> have_moved;
  explicit MemoryChildren(Notes& n) : notes(n) {}
  void start(SlotIndex, const AttemptId& attempt, const wire::Grant& grant, const TaskRange& tasks) override {
    notes.add("child " + name_of(attempt) + " of " + grant.recipe().layer() + " tasks " + name_of(tasks));
  }
  void stop(const AttemptId& attempt, bool) override { notes.add("stop " + name_of(attempt)); }
  void forget(const AttemptId&) override {}
  std::vector<AttemptId> moved() override { return std::exchange(have_moved, {}); }
};

struct MemoryStorage : StoragePort {
  Notes& notes;
  std::vector<TaskRecovered> left;  // by an earlier process
  std::function<void(const AttemptId&)> on_prepare;
  std::function<bool(const AttemptId&)> held;
  explicit MemoryStorage(Notes& n) : notes(n) {}
  std::vector<TaskRecovered> open() override { return std::exchange(left, {}); }
  void refresh() override { notes.add("refresh"); }
  void prepare(const AttemptId& attempt, const wire::Grant&) override {
    notes.add("prepare " + name_of(attempt));
    if (on_prepare) on_prepare(attempt);
  }
  void publish(const PublishDuty& duty, const wire::PublishOrder& order) override {
    notes.add("publish " + name_of(duty.tasks) + " in " + order.root());
  }
  void write_manifest(const ManifestDuty& duty, const wire::ManifestOrder& order) override {
    notes.add("manifest " + std::to_string(duty.number) + " of " + order.directory());
  }
  void discard(JobId job, const std::vector<std::string>& roots) override {
    notes.add("discard " + std::to_string(job.value) + " in " + std::to_string(roots.size()));
  }
  void sweep(const AttemptId& attempt) override { notes.add("sweep " + name_of(attempt)); }
  void drop_task(const AttemptId& attempt, TaskIndex task) override {
    notes.add("drop " + name_of(attempt) + " " + std::to_string(task));
  }
  void sweep_if_published(const AttemptId&) override {}
  void sweep_left(std::function<bool(const AttemptId&)> still_held) override {
    notes.add("sweep_left");
    held = std::move(still_held);
  }
};

struct MemoryScout : ScoutPort {
  std::optional<wire::WatchList> watched;
  std::size_t news = 0;
  void watch(const wire::WatchList& list) override { watched = list; }
  std::vector<wire::FilesLookedFor> take_news() override {
    return std::vector<wire::FilesLookedFor>(std::exchange(news, 0));
  }
};

struct MemoryHost : HostPort {
  Notes& notes;
  std::string status;
  explicit MemoryHost(Notes& n) : notes(n) {}
  wire::Inventory inventory() const override {
    wire::Inventory out;
    out.set_name("w1");
    out.add_devices()->set_id("cpu0");
    out.add_slots()->set_name("s0");
    out.add_roots()->set_name("main");
    out.mutable_roots(0)->set_usable(true);
    return out;
  }
  void say_status(const std::string& sentence) override { status = sentence; }
  void say_ready() override { notes.add("ready"); }
  void say_stopping() override { notes.add("stopping"); }
  void exit() override { notes.add("exit"); }
};

struct LoopFixture {
  framemill::test::VirtualLoop loop;
  Notes notes;
  MemoryScheduler scheduler;
  MemoryExecutors executors{notes};
  MemoryChildren children{notes};
  MemoryStorage storage{notes};
  MemoryScout scout;
  MemoryHost host{notes};
  WorkerLoop worker{{loop, scheduler, executors, children, storage, scout, host}, WorkerSettings{}};

  // Started, heard by the scheduler, with an executor that is ready.
  void begin() {
    executors.on_start = [this](SlotIndex slot) { worker.happen(ExecutorReady{slot, "cpu test"}); };
    storage.on_prepare = [this](const AttemptId& attempt) { worker.happen(StagingPrepared{attempt, {}, "", ""}); };
    worker.start();
    loop.run();
    answer();
  }
  // The scheduler's answer to the last report, which proves all leases.
  Reply reply() {
    Reply reply;
    reply.event.acked_report = scheduler.said.empty() ? 0 : scheduler.said.back().report.sequence;
    reply.event.lease_proof = true;
    reply.event.next_report = base::seconds(1);
    return reply;
  }
  void answer() { worker.on_reply(reply()); }
  void add_grant(Reply& reply, std::uint64_t counter, const std::string& layer, Runner runner = Runner::Executor) {
    const AttemptId attempt{{3, 77}, counter};
    reply.event.grants.push_back(
        {attempt, {JobId(1), 0}, {0, 4}, 0, runner, base::seconds(120), base::Duration{0}, {}, "main"});
    reply.grants[attempt].mutable_recipe()->set_layer(layer);
  }
  void grant(std::uint64_t counter, const std::string& layer, Runner runner = Runner::Executor) {
    Reply with = reply();
    add_grant(with, counter, layer, runner);
    worker.on_reply(std::move(with));
  }
  void end(std::uint64_t counter, jobs::Outcome outcome = jobs::Outcome::Ok) {
    EndedAttempt ended;
    ended.attempt = {{3, 77}, counter};
    ended.outcome = outcome;
    worker.happen(AttemptEnded{ended});
  }
};

}  // namespace framemill::worker::test
