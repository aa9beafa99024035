#include "scheduler/daemon/root_probe.h"

#include <stdlib.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <future>
#include <thread>

#include "tests/scheduler_link/sample_job.h"

namespace framemill::scheduler {
namespace {

using namespace std::chrono_literals;

struct Mounted {
  std::filesystem::path plates;
  std::shared_ptr<const jobs::JobSpec> spec =
      test::job_of(
          "[[layer]]\nname = \"cut\"\nkind = \"encode\"\n"
          "input = [{root = \"plates\", pattern = \"p.{frame:04}.exr\", frames = \"1-20\"}]\n")
          .spec;
  Mounted() {
    std::string name = (std::filesystem::temp_directory_path() / "framemill-probe-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    plates = name;
    write(".framemill-root");
  }
  ~Mounted() {
    std::error_code ignored;
    std::filesystem::remove_all(plates, ignored);
  }
  void write(const std::string& name) const { std::ofstream(plates / name) << "x"; }
};

}  // namespace

TEST_CASE("a look names the first of an input's first files that is not there") {
  const Mounted mounted;
  for (const char* name : {"p.0001.exr", "p.0002.exr", "p.0003.exr"}) mounted.write(name);
  RootProbe probe(std::map<std::string, std::filesystem::path>{{"plates", mounted.plates}, {"elsewhere", ""}});
  CHECK(probe.concerns(*mounted.spec));
  const std::map<std::string, std::filesystem::path> not_here{{"plates", ""}};
  CHECK_FALSE(RootProbe(not_here).concerns(*mounted.spec));
  for (int time = 0; time < 2; ++time) {
    std::promise<std::vector<std::string>> said;
    REQUIRE(probe.ask(mounted.spec, [&](auto warnings) { said.set_value(std::move(warnings)); }));
    auto answer = said.get_future();
    REQUIRE(answer.wait_for(20s) == std::future_status::ready);
    const auto warnings = answer.get();
    REQUIRE(warnings.size() == 1);
    CHECK_THAT(warnings[0],
               Catch::Contains("5 of its first 8 input files are not there, the first is plates:p.0004.exr"));
  }
  for (int frame = 4; frame <= 8; ++frame) mounted.write("p.000" + std::to_string(frame) + ".exr");
  CHECK(missing_first_frames(*mounted.spec, {{"plates", mounted.plates}}).empty());
  std::filesystem::remove(mounted.plates / "p.0001.exr");
  std::filesystem::remove(mounted.plates / ".framemill-root");  // not mounted: nothing can be said
  CHECK(missing_first_frames(*mounted.spec, {{"plates", mounted.plates}}).empty());
}

TEST_CASE("storage that hangs costs warnings and nothing else: only so many looks wait") {
  const Mounted mounted;
  std::promise<void> hangs;
  std::atomic<int> answered{0};
  RootProbe probe(std::map<std::string, std::filesystem::path>{{"plates", mounted.plates}});
  const auto thawed = hangs.get_future().share();
  const auto look = [&] {
    return probe.ask(mounted.spec, [&answered, thawed](const auto&) {
      thawed.wait();
      ++answered;
    });
  };
  int taken = 0;
  while (look()) REQUIRE(++taken <= 100);
  CHECK(taken == 16);
  hangs.set_value();
  for (int i = 0; i < 2000 && answered < taken; ++i) std::this_thread::sleep_for(10ms);
  CHECK(answered == taken);
}

}  // namespace framemill::scheduler
