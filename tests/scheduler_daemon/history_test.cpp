// Pages of frames, attempts and logs, as the service answers them: from the store and the board, never from the loop.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/scheduler_daemon/paint_worker.h"
#include "wire/recipe.pb.h"

namespace framemill::scheduler {
namespace {

using test::DaemonFixture;

// What the service answers while the loop does not run. An answer that needed it would not come.
template <class T>
base::Result<T> ask_without_loop(const std::function<void(Reply<T>)>& ask) {
  auto answer = std::make_shared<std::promise<base::Result<T>>>();
  std::future<base::Result<T>> answered = answer->get_future();
  ask([answer](base::Result<T> reply) { answer->set_value(std::move(reply)); });
  REQUIRE(answered.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  return answered.get();
}

FramePage frames(DaemonFixture& farm, FrameQuery query) {
  auto page = ask_without_loop<FramePage>([&](Reply<FramePage> reply) { farm.service->frames(query, reply); });
  REQUIRE(page.ok());
  return *std::move(page);
}

AttemptPage attempts(DaemonFixture& farm, AttemptQuery query) {
  auto page = ask_without_loop<AttemptPage>([&](Reply<AttemptPage> reply) { farm.service->attempts(query, reply); });
  REQUIRE(page.ok());
  return *std::move(page);
}

// Three tasks are made, the first has its name, and the fourth has printed something so far.
struct HalfDone {
  DaemonFixture farm;
  test::PaintWorker worker;
  JobId job;

  HalfDone() {
    job = farm.submit("j", 6)->submitted.job;
    farm.scheduler->apply(worker.with_inventory());
    for (jobs::Frame frame = 1; frame <= 3; ++frame) {
      WorkerReported report = finish_one(farm, worker);
      FileRecord& file = report.finished[0].files.emplace_back();
      file.kind = wire::OutputFile::FRAME;
      file.path = farm_path(frame);
      file.staged = "1/p.png";
      file.size_bytes = 100;
      file.sha256 = file.samples_sha256 = base::sha256(file.path);
      file.frame = frame;
      report.ended[0].output_tail = "painted " + std::to_string(frame);
      farm.scheduler->apply(std::move(report));
    }
    bool settled = false;
    JobChange change;
    change.principal = "ana";
    change.job = job;
    change.verb = JobAction::SetPriority;
    change.priority = 70;
    farm.service->change_job(change, [&](const base::Result<Changed>&) { settled = true; });
    REQUIRE(farm.run_until([&] { return settled; }));
    // From here on the loop does not run.
    WorkerReported report = worker.report();
    report.published = {{{job, 0}, {0, 1}}};
    farm.scheduler->apply(report);
    REQUIRE_FALSE(leases(farm).empty());
    AttemptRunning running;
    running.attempt = leases(farm)[0].attempt;
    running.output = std::make_shared<const std::string>("half of it");
    for (int i = 0; i < 2; ++i) {  // rows of what only goes on are copied in rounds
      report = worker.report();
      report.running = {running};
      farm.scheduler->apply(report);
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
    }
  }
  static std::string farm_path(jobs::Frame frame) { return "j/v001/p.000" + std::to_string(frame) + ".png"; }
};

TEST_CASE("pages of frames, attempts and logs are answered while the scheduler's loop stands still") {
  HalfDone half;
  DaemonFixture& farm = half.farm;
  FrameQuery files;
  files.job = half.job;
  const FramePage page = frames(farm, files);
  REQUIRE(page.rows.size() == 3);
  CHECK(page.next.empty());
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(page.rows[i].layer == "paint");
    CHECK(page.rows[i].kind == "frame");
    CHECK(page.rows[i].path == HalfDone::farm_path(static_cast<jobs::Frame>(i + 1)));
    CHECK(page.rows[i].state == (i == 0 ? jobs::TaskState::Published : jobs::TaskState::Committed));
  }

  AttemptQuery tries;
  tries.job = half.job;
  const AttemptPage made = attempts(farm, tries);
  REQUIRE(made.rows.size() >= 4);
  CHECK(made.rows[0].worker_name == "w1");
  CHECK(made.rows[0].phase == "command");
  REQUIRE(made.rows[0].files_written.size() == 1);
  CHECK(made.rows[0].files_written[0].path == HalfDone::farm_path(1));

  tries.with_output = tries.newest_first = true;
  std::vector<std::string> printed;
  for (const AttemptRow& row : attempts(farm, tries).rows)
    if (!row.record.output_tail.empty()) printed.push_back(row.record.output_tail);
  CHECK(printed == std::vector<std::string>{"half of it", "painted 3", "painted 2", "painted 1"});
}

TEST_CASE("each page of a history begins where the last one ended") {
  HalfDone half;
  FrameQuery files;
  files.job = half.job;
  files.limit = 2;
  const FramePage first = frames(half.farm, files);
  REQUIRE(first.rows.size() == 2);
  files.after = first.next;
  const FramePage second = frames(half.farm, files);
  REQUIRE(second.rows.size() == 1);
  CHECK(second.rows[0].frame == 3);

  files.after = "nonsense";
  const auto refused = ask_without_loop<FramePage>([&](Reply<FramePage> r) { half.farm.service->frames(files, r); });
  CHECK(refused.error().code == "request.bad_cursor");
  files.after.clear();
  files.layer = "pain";
  const auto unknown = ask_without_loop<FramePage>([&](Reply<FramePage> r) { half.farm.service->frames(files, r); });
  CHECK(unknown.error().code == "job.layer_unknown");
}

TEST_CASE("no page of a history is answered once the service has closed it") {
  HalfDone half;
  half.farm.service->close_history();
  FrameQuery files;
  files.job = half.job;
  const auto refused = ask_without_loop<FramePage>([&](Reply<FramePage> r) { half.farm.service->frames(files, r); });
  CHECK(refused.error().code == "farm.busy");
}

}  // namespace
}  // namespace framemill::scheduler
