// Hosts and programs at their limit of processes: the real kernel refuses a real fork.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>

#include "tests/worker/scratch.h"
#include "worker/supervisor/spawn.h"

namespace framemill::worker {
namespace {

constexpr uid_t kNobody = 64'999;  // nobody else's processes count against it
constexpr int kSkipped = 77;

// Runs in a process of its own, as a user whom the kernel holds to limits; its exit status.
int as_nobody(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(kSkipped);
    ::_exit(body());
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("a host that has no process to spare is the host's condition, whatever the program") {
  const int status = as_nobody([] {
    const rlimit none{1, 1};
    ::setrlimit(RLIMIT_NPROC, &none);
    SpawnRequest request;
    request.argv = {"/bin/true"};
    const auto refused = spawn(request);
    if (refused.ok()) return 1;
    return refused.error().code == "host.processes" ? 0 : 2;
  });
  CHECK(status == 0);
}

TEST_CASE("a program that makes processes without end is stopped at its limit and says so, and the host lives on") {
  const scratch::Scratch area;
  REQUIRE(::chmod(area.directory.c_str(), 0777) == 0);
  const std::string said = (area.directory / "said").string();
  const int status = as_nobody([&] {
    const int output = ::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    SpawnRequest request;
    // Bounded here, should the limit not hold; each sleeps until the group is ended.
    request.argv = {"/bin/sh", "-c", "i=0; while [ $i -lt 6000 ]; do sleep 60 & i=$((i+1)); done; echo all"};
    request.output = output;
    request.processes_more_max = 40;
    auto bomb = spawn(request);
    if (!bomb.ok()) return 1;
    const ProcessEnd end = reap(*bomb);
    // Another of the host's is started meanwhile: it has no such limit.
    SpawnRequest other;
    other.argv = {"/bin/true"};
    auto lives = spawn(other);
    const bool ran = lives.ok() && reap(*lives).exit_status == 0;
    ::kill(-bomb->pid, SIGKILL);
    if (!ran) return 2;
    return end.exit_status != 0 ? 0 : 3;
  });
  CHECK(status == 0);
  const std::string text = area.read("said");
  CHECK(text.find("fork") != std::string::npos);
  CHECK(text.find("all") == std::string::npos);
}

}  // namespace
}  // namespace framemill::worker
