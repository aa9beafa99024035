#include "worker/supervisor/memory_cap.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/worker/scratch.h"

namespace framemill::worker {
namespace {

using scratch::Scratch;

// What a delegated cgroup of version 2 looks like, in plain files.
struct Cgroup {
  explicit Cgroup(const std::string& controllers = "cpu memory pids\n") {
    area.write("own", "0::/system.slice/framemill-worker.service\n");
    area.write("fs/cgroup.controllers", "cpu memory pids\n");
    for (const char* file : {"cgroup.procs", "cgroup.subtree_control", "worker/cgroup.procs"})
      area.write(service + file, "");
    area.write(service + "cgroup.controllers", controllers);
  }
  MemoryCaps find() const { return MemoryCaps::find(area.directory / "fs", area.directory / "own"); }
  const std::string service = "fs/system.slice/framemill-worker.service/";
  Scratch area;
};

TEST_CASE("in a delegated cgroup the worker moves into a leaf and every slot gets its own cap") {
  Cgroup cgroup;
  const MemoryCaps caps = cgroup.find();
  REQUIRE(caps.has_cgroup());
  CHECK(cgroup.area.read(cgroup.service + "worker/cgroup.procs") == std::to_string(::getpid()));
  CHECK(cgroup.area.read(cgroup.service + "cgroup.subtree_control") == "+memory +pids");
  const MemoryCap cap = caps.make("cpu0", 1 << 30);
  CHECK(cap.data_bytes_max() == 0);  // not both
  CHECK(cgroup.area.read(cgroup.service + "slot-cpu0/memory.max") == "1073741824");
}

TEST_CASE("a slot's executor and the programs beside it share one cap, and their kills are counted apart") {
  Cgroup cgroup;
  const MemoryCap cap = cgroup.find().make("cpu0", 1 << 30);
  const MemoryCap executor = cap.part("executor"), program = cap.part("program");
  const std::string slot = cgroup.service + "slot-cpu0/";
  CHECK(cgroup.area.read(slot + "cgroup.subtree_control") == "+memory +pids");
  CHECK(executor.cgroup_procs() == (cgroup.area.directory / slot / "executor/cgroup.procs").string());
  CHECK(cgroup.area.read(slot + "program/memory.oom.group") == "1");
  CHECK(program.kills() == 0);
  cgroup.area.write(slot + "program/memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 3\n");
  CHECK(program.kills() == 3);
  CHECK(executor.kills() == 0);
}

TEST_CASE("a part may have a limit of processes, and what the kernel refused it is counted") {
  Cgroup cgroup;
  const MemoryCap slot = cgroup.find().make("cpu0", 1 << 30);
  const MemoryCap executor = slot.part("executor"), program = slot.part("program", 40);
  const std::string place = cgroup.service + "slot-cpu0/";
  CHECK(cgroup.area.read(place + "program/pids.max") == "40");
  CHECK(cgroup.area.read(place + "executor/pids.max").empty());
  CHECK(program.forks_refused() == 0);
  cgroup.area.write(place + "program/pids.events", "max 7\n");
  CHECK(program.forks_refused() == 7);
  CHECK(executor.forks_refused() == 0);
  Cgroup without("cpu memory\n");  // no control of processes: the cap of memory holds all the same
  const MemoryCap alone = without.find().make("cpu0", 1 << 30).part("program", 40);
  CHECK(without.area.read(without.service + "cgroup.subtree_control") == "+memory");
  CHECK_FALSE(alone.cgroup_procs().empty());
}

TEST_CASE("without delegation, or without the memory controller, the cap is RLIMIT_DATA") {
  CHECK_FALSE(Cgroup("cpu pids\n").find().has_cgroup());
  Cgroup v1;
  v1.area.write("own", "4:memory:/x\n0::/\n");
  const MemoryCaps caps = v1.find();
  CHECK_FALSE(caps.has_cgroup());
  CHECK(caps.make("cpu0", 1 << 30).data_bytes_max() == (kDataLimitUsable ? 1 << 30 : 0));
  CHECK(caps.make("cpu0", 0).data_bytes_max() == 0);
}

TEST_CASE("a cap was reached when what was resident says so") {
  const MemoryCap cap(800 << 20);
  CHECK(cap.was_reached(790 << 20) == kDataLimitUsable);
  CHECK_FALSE(cap.was_reached(100 << 20));
  CHECK_FALSE(MemoryCap().was_reached(std::uint64_t{1} << 40));
}

}  // namespace
}  // namespace framemill::worker
