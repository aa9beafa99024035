#include "worker/supervisor/host_limits.h"

#include <catch2/catch.hpp>

#include "tests/worker/scratch.h"

namespace framemill::worker {
namespace {

using scratch::Scratch;

// A tree of cgroups in plain files.
struct Tree {
  void put(const std::string& cgroup, const std::string& most, const std::string& now, const std::string& refused) {
    area.write("fs/" + cgroup + "/pids.max", most + "\n");
    area.write("fs/" + cgroup + "/pids.current", now + "\n");
    area.write("fs/" + cgroup + "/pids.events", "max " + refused + "\n");
  }
  HostLimits find(const std::string& own) {
    area.write("own", own);
    return HostLimits::find(area.directory / "fs", area.directory / "own");
  }
  Scratch area;
};

std::string code(const base::Status& status) {
  return status.ok() ? "" : status.error().code;
}

constexpr uid_t kRoot = 0;  // held to no limit of its own

TEST_CASE("the service's limit of processes is found above the worker's own cgroup, and what it refused is counted") {
  Tree tree;
  tree.put("system.slice/farm.service", "100", "40", "3");
  tree.put("system.slice/farm.service/worker", "max", "9", "2");
  const HostLimits limits = tree.find("0::/system.slice/farm.service/worker\n");
  CHECK(limits.forks_refused() == 5);
  CHECK(code(limits.shortage(true, kRoot)) == "host.processes");
  CHECK(code(limits.shortage(false, kRoot)).empty());  // nobody was refused one
}

TEST_CASE("a host with room enough had it taken by the program") {
  Tree tree;
  tree.put("farm.service", "4915", "40", "3");
  const HostLimits limits = tree.find("0::/farm.service\n");
  CHECK(code(limits.shortage(true, kRoot)).empty());
  tree.put("farm.service", "4915", std::to_string(4915 - HostLimits::kProcessRoomMin), "4");
  CHECK(code(limits.shortage(true, kRoot)).empty());
  tree.put("farm.service", "4915", std::to_string(4915 - HostLimits::kProcessRoomMin + 1), "5");
  CHECK(code(limits.shortage(true, kRoot)) == "host.processes");
}

TEST_CASE("the controller of processes of version 1 is known as well, and others are none") {
  Tree tree;
  tree.put("pids/farm", "50", "48", "7");
  tree.put("memory/farm", "50", "48", "9");
  const HostLimits limits = tree.find("5:memory:/farm\n4:pids:/farm\n1:name=systemd:/farm\n");
  CHECK(limits.forks_refused() == 7);
  CHECK(code(limits.shortage(true, kRoot)) == "host.processes");
}

TEST_CASE("without cgroups nothing is lacking") {
  CHECK(HostLimits().forks_refused() == 0);
  CHECK(code(HostLimits().shortage(true, kRoot)).empty());
  Tree tree;
  CHECK(tree.find("").forks_refused() == 0);
  CHECK(tree.find("0::/nowhere\nrubbish\n").forks_refused() == 0);
}

}  // namespace
}  // namespace framemill::worker
