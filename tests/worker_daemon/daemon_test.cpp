// The whole daemon on real sockets, storage and processes.
#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/worker_daemon/farm_bench.h"

namespace framemill::worker {
namespace {

using bench::FarmBench;

TEST_CASE("a granted window is made, reported, published and its staging directory swept") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  CHECK(farm.inventory.name() == "w1");
  CHECK(farm.inventory.roots(0).usable());
  CHECK_FALSE(farm.inventory.devices(0).device_class().empty());
  farm.grant(farm.generate(1, "a red boat", 2));
  const bool done = farm.wait([&] { return farm.ended(1) && farm.published >= 2; });
  INFO(farm.log());
  REQUIRE(done);
  CHECK(farm.ended(1)->outcome() == "ok");
  REQUIRE(farm.finished_count() == 2);
  const wire::OutputFile& file = farm.finished.begin()->second.files(0);
  CHECK(farm.file_exists(file.path()));
  CHECK(farm.wait([&] { return !farm.file_exists(".framemill/attempts/1-000000000000002a-1"); }));
  CHECK(farm.wait([&] { return farm.inventory.slots(0).loaded_models_size() == 1; }));
}

TEST_CASE("a command runs beside the warm executor and its file is published") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  farm.grant(farm.command(1, "echo hello > $(printf \"$1\" 1001)"));
  const bool done = farm.wait([&] { return farm.ended(1) && farm.published == 1; });
  INFO(farm.log());
  REQUIRE(done);
  CHECK(farm.ended(1)->outcome() == "ok");
  CHECK(farm.file_exists("shot/c1.1001.txt"));
}

TEST_CASE("a crash, a hang and bad numbers end the attempt as what they are, and the next window is made") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  farm.grant(farm.generate(1, "crash"));
  REQUIRE(farm.wait([&] { return farm.ended(1); }));
  CHECK(farm.ended(1)->outcome() == "executor_crashed");
  CHECK(farm.ended(1)->alone());
  CHECK(farm.ended(1)->usage().wall_us() > 0);
  farm.grant(farm.generate(2, "hang"));
  REQUIRE(farm.wait([&] { return farm.ended(2); }));
  CHECK(farm.ended(2)->code() == "executor.hung");
  CHECK(farm.ended(2)->usage().lost_us() > 1'000'000);  // until it was killed
  farm.grant(farm.generate(3, "nan"));
  REQUIRE(farm.wait([&] { return farm.ended(3); }));
  CHECK(farm.ended(3)->outcome() == "bad_output");
  CHECK(farm.ended(3)->code() == "frames.nan");
  farm.grant(farm.generate(4, "fine"));
  const bool done = farm.wait([&] { return farm.ended(4); });
  INFO(farm.log());
  REQUIRE(done);
  CHECK(farm.ended(4)->outcome() == "ok");
}

TEST_CASE("generation runs on while the scheduler is away, and is delivered when it is back") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  farm.grant(farm.generate(1, "slow", 4));
  REQUIRE(farm.wait([&] { return farm.last_report.running_size() == 1; }));
  farm.close_router();
  farm.finished.clear();
  farm.wait([] { return false; }, 2);
  farm.open_router();
  const bool done = farm.wait([&] { return farm.ended(1) && farm.finished_count() == 4; });
  INFO(farm.log());
  REQUIRE(done);
  CHECK(farm.ended(1)->outcome() == "ok");
}

TEST_CASE("a worker that was killed delivers after its restart what it had finished, and leaves no process behind") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  const std::uint64_t first_incarnation = farm.incarnation;
  farm.grant(farm.generate(1, "a boat"));
  farm.publish = false;
  REQUIRE(farm.wait([&] { return farm.finished_count() == 1; }));
  farm.grant(farm.command(2, "setsid sleep 1000 & sleep 1000"));
  // The executor, the keeper, the shell and its two sleeps: wait until all of them have been started.
  std::vector<pid_t> processes;
  REQUIRE(farm.wait([&] {
    processes = farm.children_of(farm.worker_pid());
    for (std::size_t i = 0; i < processes.size() && i < 32; ++i)
      for (const pid_t child : farm.children_of(processes[i])) processes.push_back(child);
    return processes.size() >= 5;
  }));
  farm.signal_worker(SIGKILL);
  CHECK(farm.wait_worker() == -SIGKILL);
  CHECK(farm.wait([&] {
    for (const pid_t pid : processes)
      if (::kill(pid, 0) == 0) return false;
    return true;
  }));
  farm.finished.clear();
  farm.publish = true;
  farm.start_worker();
  const bool done = farm.wait([&] { return farm.finished_count() == 1 && farm.published == 1; });
  INFO(farm.log());
  REQUIRE(done);
  CHECK(farm.incarnation != first_incarnation);
  CHECK(farm.file_exists(farm.finished.begin()->second.files(0).path()));
}

TEST_CASE("SIGTERM finishes the windows in flight, gives back the rest and ends with status 0") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  farm.grant(farm.generate(1, "slow", 40));
  REQUIRE(farm.wait([&] { return farm.finished_count() >= 1; }));
  farm.signal_worker(SIGTERM);
  CHECK(farm.wait_worker() == 0);
  INFO(farm.log());
  REQUIRE(farm.ended(1));
  CHECK(farm.ended(1)->outcome() == "revoked");
  CHECK(farm.finished_count() < 40);
  CHECK(farm.draining);
}

TEST_CASE("windows that outlast the drain's time go back, with the device time that they took") {
  FarmBench farm;
  farm.drain_timeout = "1s";
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  wire::Grant endless = farm.generate(1, "slow");
  endless.mutable_recipe()->mutable_generate()->set_steps(5000);
  farm.grant(endless);
  REQUIRE(farm.wait([&] { return farm.last_report.running_size() == 1 && farm.last_report.running(0).step() > 0; }));
  farm.signal_worker(SIGTERM);
  CHECK(farm.wait_worker() == 0);
  INFO(farm.log());
  REQUIRE(farm.ended(1));
  CHECK(farm.ended(1)->outcome() == "revoked");
  CHECK(farm.ended(1)->code() == "drain.timeout");
  CHECK(farm.ended(1)->usage().lost_us() > 900'000);
  CHECK(farm.ended(1)->usage().device_class() == "fake threads=1");
}

TEST_CASE("a command beyond its timeout is stopped with everything it started, and what it took is on record") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  wire::Grant grant = farm.command(1, "echo still here; sleep 1000 & sleep 1000");
  grant.set_timeout_ms(700);
  farm.grant(grant);
  const bool ended = farm.wait([&] { return farm.ended(1); });
  INFO(farm.log());
  REQUIRE(ended);
  CHECK(farm.ended(1)->outcome() == "timeout");
  CHECK(farm.ended(1)->output_tail().find("still here") != std::string::npos);
  CHECK(farm.ended(1)->usage().lost_us() >= 600'000);
  CHECK(farm.wait([&] { return farm.children_of(farm.worker_pid()).size() == 1; }));  // the executor
}

TEST_CASE("a second SIGTERM stops at once") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  farm.grant(farm.command(1, "sleep 1000"));
  REQUIRE(farm.wait([&] { return farm.last_report.running_size() == 1; }));
  farm.signal_worker(SIGTERM);
  REQUIRE(farm.wait([&] { return farm.draining; }));
  farm.signal_worker(SIGTERM);
  CHECK(farm.wait_worker() == 0);
  REQUIRE(farm.ended(1));
  CHECK(farm.ended(1)->code() == "worker.stopped");
}

TEST_CASE("a revoked attempt is given up") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  const wire::Grant grant = farm.generate(1, "slow", 100);
  farm.grant(grant);
  // A window of four steps of 30 ms; what it used is told before it ends.
  REQUIRE(farm.wait([&] {
    return farm.last_report.running_size() == 1 &&
           farm.last_report.running(0).usage().compute_us() + farm.last_report.running(0).usage().lost_us() > 30'000;
  }));
  farm.revoke(grant, "cancelled");
  REQUIRE(farm.wait([&] { return farm.ended(1); }));
  CHECK(farm.ended(1)->outcome() == "revoked");
  CHECK(farm.ended(1)->code() == "revoked.cancelled");
  const wire::Usage& usage = farm.ended(1)->usage();
  CHECK(usage.steps() > 0);
  CHECK(usage.compute_us() + usage.lost_us() > 0);
}

TEST_CASE("a bad configuration ends with status 78 and names the mistake") {
  FarmBench farm;
  farm.extra_config = "drain_timout = \"5s\"";
  farm.start_worker();
  CHECK(farm.wait_worker() == 78);
  CHECK(farm.log().find("did you mean \"drain_timeout\"?") != std::string::npos);
}

TEST_CASE("two workers cannot run with one key") {
  FarmBench farm;
  farm.start_worker();
  REQUIRE(farm.wait_usable());
  const pid_t first = farm.worker_pid();
  farm.start_worker();
  CHECK(farm.wait_worker() == 1);
  CHECK(farm.log().find("another worker runs with the key") != std::string::npos);
  ::kill(first, SIGKILL);
}

}  // namespace
}  // namespace framemill::worker
