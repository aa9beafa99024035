#include "cli/host_checks.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "cli/child_process.h"
#include "fake_scheduler.h"
#include "run.h"

namespace framemill::cli {
namespace {

using testing::Program;
using testing::TemporaryDirectory;

// The verdicts in order, as letters: g(ood) n(ote) p(roblem) b(ad configuration).
std::string verdicts(const Findings& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out += "gnpb"[static_cast<int>(finding.verdict)];
    if (finding.verdict == Verdict::Problem) CHECK(!finding.remedy.empty());
  }
  return out;
}

}  // namespace

TEST_CASE("a secret key is good when it is private") {
  const TemporaryDirectory directory;
  Findings findings;
  check_secret_key(directory.write("a.key", "x", 0600), findings);
  check_secret_key(directory.write("b.key", "x", 0640), findings);
  check_secret_key(directory.path() / "c.key", findings);
  CHECK(verdicts(findings) == "gpp");
  CHECK(findings[1].remedy.starts_with("chmod 600"));
  CHECK(findings[2].remedy.starts_with("framemill keys curve"));
}

TEST_CASE("a list of who may come in must not be writable by others") {
  const TemporaryDirectory directory;
  Findings findings;
  check_access_list(directory.write("good", "", 0644), "tokens", findings);
  check_access_list(directory.write("bad", "", 0664), "tokens", findings);
  check_access_list(directory.path() / "absent", "tokens", findings);
  CHECK(verdicts(findings) == "gpp");
}

TEST_CASE("the data directory's sync is measured, and nothing is left behind") {
  const TemporaryDirectory directory;
  Findings findings;
  check_data_directory(directory.path(), findings);
  REQUIRE(!findings.empty());
  CHECK(findings[0].text.find("a synced 4 KiB append takes ") != std::string::npos);
  CHECK(std::filesystem::is_empty(directory.path()));
  Findings absent;
  check_data_directory(directory.path() / "absent", absent);
  CHECK(verdicts(absent) == "p");
}

TEST_CASE("the clock is kept right, or that nothing does is worth a note") {
  Findings findings;
  check_clock(findings);
  REQUIRE(findings.size() == 1);
  CHECK((verdicts(findings) == "g" || verdicts(findings) == "n"));
}

TEST_CASE("a root proves itself by its marker file") {
  const TemporaryDirectory directory;
  Findings findings;
  check_root("main", directory.path(), RootAccess::Write, findings);
  REQUIRE(!findings.empty());
  CHECK(findings[0].verdict == Verdict::Problem);
  CHECK(findings[0].remedy.find("echo 'name = \"main\"'") != std::string::npos);
  directory.write(".framemill-root", "name = \"other\"\n");
  findings.clear();
  check_root("main", directory.path(), RootAccess::Write, findings);
  CHECK(findings[0].verdict == Verdict::Problem);
  directory.write(".framemill-root", "name = \"main\"\n");
  findings.clear();
  check_root("main", directory.path(), RootAccess::Write, findings);
  CHECK(findings[0].verdict == Verdict::Good);
}

TEST_CASE("a port is free, or a scheduler answers there, or it is taken") {
  testing::FakeScheduler scheduler;
  const std::string address = scheduler.url().substr(7);
  Findings findings;
  CHECK(!check_listen_http(address, "", findings));  // something else holds it
  scheduler.on("GET /healthz", R"({"status":"ok"})");
  CHECK(check_listen_http(address, "", findings));
  CHECK(!check_listen_http("127.0.0.1:0", "", findings));
  check_listen_workers("tcp://127.0.0.1:0", false, findings);
  check_listen_workers("tcp://127.0.0.1:0", true, findings);
  check_listen_workers("tcp://" + address, true, findings);
  check_listen_workers("tcp://" + address, false, findings);
  CHECK(verdicts(findings) == "pgggngp");
  Findings reached;
  check_reachable("tcp://" + address, reached);
  check_reachable("tcp://127.0.0.1:9", reached);
  CHECK(verdicts(reached) == "gp");
}

TEST_CASE("a directory without packages is a problem") {
  const TemporaryDirectory directory;
  Findings findings;
  check_packages({directory.path()}, findings);
  CHECK(verdicts(findings) == "p");
}

TEST_CASE("a child's output and exit status come back, and a slow one is killed") {
  const auto going = [] { return true; };
  auto result = run_child({"/bin/sh", "-c", "echo out; echo err >&2; exit 7"}, base::seconds(10), going);
  REQUIRE(result.ok());
  CHECK(result->exit_status == 7);
  CHECK(result->output == "out\nerr\n");
  result = run_child({"/bin/sh", "-c", "sleep 60 & wait"}, base::milliseconds(200), going);
  REQUIRE(!result.ok());
  CHECK(result.error().code == "process.timeout");
  result = run_child({"/bin/sh", "-c", "yes | head -c 1000000"}, base::seconds(10), going);
  REQUIRE(result.ok());
  CHECK(result->output.size() == 64 * 1024);
  CHECK(run_child({"/nowhere/program"}, base::seconds(1), going).error().code == "process.missing");
}

TEST_CASE("a program lies beside this one, or where an installation has it") {
  const TemporaryDirectory directory;
  const std::filesystem::path bin = directory.path() / "bin", lib = directory.path() / "lib" / "framemill";
  CHECK(sibling_program(bin, "framemill-media") == bin / "framemill-media");  // and is named as missing there
  std::filesystem::create_directories(lib);
  std::filesystem::create_directories(bin);
  directory.write("lib/framemill/framemill-media", "");
  CHECK(sibling_program(bin, "framemill-media") == lib / "framemill-media");
  directory.write("bin/framemill-media", "");
  CHECK(sibling_program(bin, "framemill-media") == bin / "framemill-media");
}

TEST_CASE("doctor says what is wrong with a configuration and exits with status 78") {
  Program program;
  program.home.write("scheduler.toml", "data_directory = \n");
  const auto done = program.run({"doctor", "--config", (program.home.path() / "scheduler.toml").string()});
  CHECK(done.code == 78);
  CHECK(done.out.find("PROBLEM  configuration ") != std::string::npos);
  CHECK(done.out.find("scheduler.toml: line 1: ") != std::string::npos);
}

}  // namespace framemill::cli
