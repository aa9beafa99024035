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
  CHECK(cgroup.area.read(cgroup.service + "cgroup.subtree_control") == "+memory");
  const MemoryCap cap = caps.make("cpu0", 1 << 30);
  CHECK(cap.data_bytes_max() == 0);  // not both
  CHECK(cap.cgroup_procs() == (cgroup.area.directory / cgroup.service / "slot-cpu0/cgroup.procs").string());
  CHECK(cgroup.area.read(cgroup.service + "slot-cpu0/memory.max") == "1073741824");
  CHECK(cap.kills() == 0);
  cgroup.area.write(cgroup.service + "slot-cpu0/memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 3\n");
  CHECK(cap.kills() == 3);
}

TEST_CASE("without delegation, or without the memory controller, the cap is RLIMIT_DATA") {
  CHECK_FALSE(Cgroup("cpu pids\n").find().has_cgroup());
  Cgroup v1;
  v1.area.write("own", "4:memory:/x\n0::/\n");
  const MemoryCaps caps = v1.find();
  CHECK_FALSE(caps.has_cgroup());
  CHECK(caps.make("cpu0", 1 << 30).data_bytes_max() == (kDataLimitUsable ? 1 << 30 : 0));
  CHECK(caps.make("cpu0", 0).capped() == false);
}

TEST_CASE("a refused allocation is read from the last words") {
  CHECK(tells_of_refused_memory("terminate called after throwing an instance of 'std::bad_alloc'\n"));
  CHECK(tells_of_refused_memory("DefaultCPUAllocator: not enough memory: you tried to allocate 64 bytes\n"));
  CHECK_FALSE(tells_of_refused_memory("Segmentation fault\n"));
}

}  // namespace
}  // namespace framemill::worker
