#include "worker/loop/worker_loop.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/worker_loop/loop_fixture.h"

namespace framemill::worker {
namespace {

using test::LoopFixture;

TEST_CASE("a grant's recipe goes to the executor when its staging directory is there, and only once") {
  LoopFixture farm;
  farm.begin();
  farm.storage.on_prepare = nullptr;
  farm.grant(7, "boards");
  CHECK(farm.notes.count("prepare 7") == 1);
  CHECK(farm.notes.count("begin") == 0);
  // The same reply once more, with another recipe: what was taken first counts.
  farm.grant(7, "others");
  farm.worker.happen(StagingPrepared{{{3, 77}, 7}, {}, "", ""});
  CHECK(farm.notes.count("prepare 7") == 1);
  CHECK(farm.notes.count("begin 7 of boards tasks 0+4") == 1);
}

TEST_CASE("commands and media run as children, with their own recipes") {
  LoopFixture farm;
  farm.begin();
  farm.grant(8, "grade", Runner::Program);
  CHECK(farm.notes.count("child 8 of grade tasks 0+4") == 1);
}

TEST_CASE("what an effect brings about at once is taken in the same turn, after what was there before") {
  LoopFixture farm;
  farm.begin();
  farm.executors.on_begin = [&](const AttemptId&) { farm.end(7, jobs::Outcome::NotAdmitted); };
  const std::size_t before = farm.scheduler.said.size();
  farm.grant(7, "boards");
  const auto ended = farm.scheduler.items<EndedAttempt>();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].outcome == jobs::Outcome::NotAdmitted);
  CHECK(farm.scheduler.said.size() == before + 1);  // one report for all of it
}

TEST_CASE("nothing is said while there is no connection, and everything when there is one") {
  LoopFixture farm;
  farm.scheduler.is_connected = false;
  farm.begin();
  farm.loop.run_for(base::seconds(30));
  CHECK(farm.scheduler.said.empty());
  farm.scheduler.is_connected = true;
  farm.worker.on_connected();
  REQUIRE(farm.scheduler.said.size() == 1);
  CHECK(farm.scheduler.said[0].report.with_inventory);
}

TEST_CASE("a report that could not be sent is said again whole after a pause, not in a circle") {
  LoopFixture farm;
  farm.begin();
  farm.grant(7, "boards");
  farm.scheduler.said.clear();
  farm.scheduler.takes_reports = false;
  farm.end(7);
  farm.loop.run();
  CHECK(farm.scheduler.refused == 1);
  farm.loop.run_for(base::milliseconds(199));
  CHECK(farm.scheduler.refused == 1);
  farm.scheduler.takes_reports = true;
  farm.loop.run_for(base::milliseconds(2));
  REQUIRE(farm.scheduler.items<EndedAttempt>().size() == 1);
}

TEST_CASE("what an earlier process left is reported in the first report, and what storage says while it opens") {
  LoopFixture farm;
  FinishedTask task;
  task.attempt = {{2, 66}, 5};
  task.message = "bytes";
  farm.storage.left.push_back({task});
  farm.worker.start();
  CHECK(farm.scheduler.said.empty());  // nothing before the first turn
  farm.loop.run();
  CHECK(farm.notes.count("ready") == 1);
  REQUIRE_FALSE(farm.scheduler.said.empty());
  const auto finished = farm.scheduler.items<FinishedTask>();
  REQUIRE(finished.size() == 1);
  CHECK(finished[0].attempt.counter == 5);
}

TEST_CASE("the inventory joins what the host is with what the core knows of its slots and roots") {
  LoopFixture farm;
  farm.worker.start();
  farm.loop.run();
  REQUIRE_FALSE(farm.scheduler.said.empty());
  const wire::Inventory before = farm.scheduler.said[0].inventory;
  CHECK(before.name() == "w1");
  CHECK_FALSE(before.slots(0).usable());  // its executor has not said that it is ready
  CHECK(before.roots(0).usable());

  farm.worker.happen(ExecutorReady{0, "cpu test"});
  farm.worker.happen(ExecutorAlive{0, {base::sha256("model")}, 0});
  Reply ask = farm.reply();
  ask.event.send_inventory = true;
  farm.worker.on_reply(std::move(ask));
  farm.loop.run_for(base::seconds(6));
  const wire::Inventory& after =
      farm.scheduler.said.back().report.with_inventory
          ? farm.scheduler.said.back().inventory
          : std::find_if(farm.scheduler.said.rbegin(), farm.scheduler.said.rend(), [](const auto& said) {
              return said.report.with_inventory;
            })->inventory;
  CHECK(after.slots(0).usable());
  CHECK(after.slots(0).loaded_models_size() == 1);
  CHECK(after.devices(0).device_class() == "cpu test");
}

TEST_CASE("orders to publish, to write manifests and to discard reach storage with what the reply said") {
  LoopFixture farm;
  farm.begin();
  Reply reply = farm.reply();
  const PublishDuty duty{{{3, 77}, 7}, {JobId(1), 0}, {0, 1}};
  reply.event.publishes.push_back(duty);
  reply.publishes[duty].set_root("main");
  const ManifestDuty manifest{JobId(1), 2, 4};
  reply.event.manifests.push_back(manifest);
  reply.manifests[manifest].set_directory("a/v001");
  reply.event.discards.push_back(JobId(3));
  reply.discards[JobId(3)] = {"main", "scratch"};
  farm.worker.on_reply(std::move(reply));
  CHECK(farm.notes.count("publish 0+1 in main") == 1);
  CHECK(farm.notes.count("manifest 2 of a/v001") == 1);
  CHECK(farm.notes.count("discard 3 in 2") == 1);
}

TEST_CASE("files to watch go to the scout, and its news into the next report") {
  LoopFixture farm;
  farm.begin();
  Reply reply = farm.reply();
  reply.watch.emplace().add_files()->set_root("plates");
  farm.worker.on_reply(std::move(reply));
  REQUIRE(farm.scout.watched);
  CHECK(farm.scout.watched->files(0).root() == "plates");
  farm.scout.news = 3;
  farm.worker.happen(FilesLookedFor{});
  farm.loop.run_for(base::seconds(1));
  std::size_t told = 0;
  for (const auto& said : farm.scheduler.said) told += said.looked_for;
  CHECK(told == 3);
}

TEST_CASE("every ten seconds the house is kept, and left directories are swept only by a worker that is accepted") {
  LoopFixture farm;
  farm.scheduler.is_accepted = false;
  farm.begin();
  CHECK(farm.notes.count("refresh") == 1);
  farm.loop.run_for(base::seconds(90));
  CHECK(farm.notes.count("refresh") == 10);
  CHECK(farm.notes.count("sweep_left") == 0);
  CHECK(farm.host.status.find("1 of 1 slots usable") != std::string::npos);
  farm.scheduler.is_accepted = true;
  farm.answer();
  CHECK(farm.notes.count("sweep_left") == 1);
  farm.answer();
  CHECK(farm.notes.count("sweep_left") == 1);
  farm.loop.run_for(base::seconds(60));
  CHECK(farm.notes.count("sweep_left") == 2);
  farm.grant(7, "boards");
  CHECK(farm.storage.held({{3, 77}, 7}));
  CHECK_FALSE(farm.storage.held({{3, 77}, 8}));
}

TEST_CASE("a program that moved is reported as making progress") {
  LoopFixture farm;
  farm.begin();
  farm.grant(8, "grade", Runner::Program);
  const auto moves = [&] {
    for (auto said = farm.scheduler.said.rbegin(); said != farm.scheduler.said.rend(); ++said)
      if (!said->report.running.empty()) return said->report.running[0].moves;
    return std::uint64_t{0};
  };
  farm.loop.run_for(base::seconds(2));
  farm.answer();
  const std::uint64_t before = moves();
  farm.children.have_moved = {{{3, 77}, 8}};
  for (int i = 0; i < 12; ++i) {
    farm.loop.run_for(base::seconds(1));
    farm.answer();
  }
  CHECK(moves() == before + 1);
}

TEST_CASE("a worker that is asked to stop says so, ends its executors and leaves when its reports are acknowledged") {
  LoopFixture farm;
  farm.begin();
  farm.worker.stop();
  CHECK(farm.notes.count("stopping") == 1);
  CHECK(farm.notes.count("finish 0") == 1);
  CHECK(farm.notes.count("exit") == 0);
  const ExecutorDied died{0, {}, "", {}};
  farm.worker.happen(died);
  farm.loop.run_for(base::seconds(1));
  farm.answer();
  farm.loop.run_for(base::seconds(6));
  CHECK(farm.notes.count("exit") == 1);
}

TEST_CASE("a grant that the core refuses leaves nothing behind, and its attempt is reported as ended") {
  LoopFixture farm;
  farm.begin();
  farm.worker.stop();  // a worker that drains takes no more
  farm.grant(7, "boards");
  CHECK(farm.notes.count("prepare 7") == 0);
  const auto ended = farm.scheduler.items<EndedAttempt>();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].code == "worker.draining");
}

}  // namespace
}  // namespace framemill::worker
