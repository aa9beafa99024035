#include "scheduler/daemon/root_probe.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "tests/scheduler_link/sample_job.h"

namespace framemill::scheduler {
namespace {

using namespace std::chrono_literals;

const std::filesystem::path kPlates = "/nowhere/plates";

// A root of plates in memory. A test may make each question wait.
struct MemoryFiles : Files {
  bool exists(const std::filesystem::path& path) const override {
    if (thawed.valid()) thawed.wait();
    const std::lock_guard lock(mutex);
    return names.contains(path.string());
  }
  void put(const std::string& name) {
    const std::lock_guard lock(mutex);
    names.insert((kPlates / name).string());
  }
  void remove(const std::string& name) {
    const std::lock_guard lock(mutex);
    names.erase((kPlates / name).string());
  }
  mutable std::mutex mutex;
  std::set<std::string> names;
  std::shared_future<void> thawed;  // invalid: nothing hangs
};

struct Mounted {
  std::shared_ptr<MemoryFiles> files = std::make_shared<MemoryFiles>();
  std::map<std::string, std::filesystem::path> roots{{"plates", kPlates}, {"elsewhere", ""}};
  std::shared_ptr<const jobs::JobSpec> spec =
      test::job_of(
          "[[layer]]\nname = \"cut\"\nkind = \"encode\"\n"
          "input = [{root = \"plates\", pattern = \"p.{frame:04}.exr\", frames = \"1-20\"}]\n")
          .spec;
  Mounted() { files->put(".framemill-root"); }
  std::vector<std::string> warnings() const { return missing_first_frames(*spec, roots, *files); }
};

}  // namespace

TEST_CASE("versions whose files are there already are skipped, where the root is mounted") {
  const auto files = std::make_shared<MemoryFiles>();
  const auto spec =
      test::job_of(
          "[[layer]]\nname = \"cut\"\nkind = \"command\"\nargv = [\"paint\"]\nframes = \"5-8\"\nroot = \"plates\"\n"
          "output = \"cut/v{version:03}/p.{frame:04}.png\"\n")
          .spec;
  const std::map<std::string, std::filesystem::path> roots{{"plates", kPlates}};
  for (const char* name : {"cut/v002/p.0005.png", "cut/v003/p.0005.png", "cut/v005/p.0005.png"}) files->put(name);
  CHECK(free_version(*spec, 2, roots, *files) == 2);  // no marker: says nothing
  files->put(".framemill-root");
  CHECK(free_version(*spec, 1, roots, *files) == 1);
  CHECK(free_version(*spec, 2, roots, *files) == 4);
  CHECK(free_version(*spec, 5, roots, *files) == 6);
  CHECK(free_version(*spec, 2, {{"plates", ""}}, *files) == 2);
  RootProbe probe(roots, files);
  std::promise<std::uint32_t> found;
  REQUIRE(probe.ask_version(spec, 2, [&](std::uint32_t version) { found.set_value(version); }));
  CHECK(found.get_future().get() == 4);
  CHECK_FALSE(RootProbe({{"plates", ""}}, files).ask_version(spec, 2, [](std::uint32_t) {}));
}

TEST_CASE("a look names the first of an input's first files that is not there") {
  const Mounted mounted;
  for (const char* name : {"p.0001.exr", "p.0002.exr", "p.0003.exr"}) mounted.files->put(name);
  RootProbe probe(mounted.roots, mounted.files);
  CHECK(probe.concerns(*mounted.spec));
  const std::map<std::string, std::filesystem::path> not_here{{"plates", ""}};
  CHECK_FALSE(RootProbe(not_here, mounted.files).concerns(*mounted.spec));
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
  for (int frame = 4; frame <= 8; ++frame) mounted.files->put("p.000" + std::to_string(frame) + ".exr");
  CHECK(mounted.warnings().empty());
  mounted.files->remove("p.0001.exr");
  CHECK(mounted.warnings().size() == 1);
  mounted.files->remove(".framemill-root");  // not mounted: nothing can be said
  CHECK(mounted.warnings().empty());
}

TEST_CASE("storage that hangs costs warnings and nothing else: only so many looks wait, and nobody waits for them") {
  const Mounted mounted;
  std::promise<void> thaw;
  mounted.files->thawed = thaw.get_future().share();
  // Kept by the callbacks: a look that hangs may outlive its probe.
  const auto answered = std::make_shared<std::atomic<int>>(0), more = std::make_shared<std::atomic<int>>(0);
  int taken = 0;
  {
    RootProbe probe(mounted.roots, mounted.files);
    const auto look = [&] { return probe.ask(mounted.spec, [answered](const auto&) { ++*answered; }); };
    while (look()) REQUIRE(++taken <= 100);
    CHECK(taken == 16);
    CHECK(*answered == 0);
    RootProbe another(mounted.roots, mounted.files);
    REQUIRE(another.ask(mounted.spec, [more](const auto&) { ++*more; }));
  }  // gone, and the storage still hangs
  CHECK(*more == 0);
  RootProbe probe(mounted.roots, mounted.files);
  REQUIRE(probe.ask(mounted.spec, [more](const auto&) { ++*more; }));
  thaw.set_value();
  for (int i = 0; i < 2000 && *more == 0; ++i) std::this_thread::sleep_for(10ms);
  CHECK(*more > 0);
}

TEST_CASE("the host's files are asked by their names, and what cannot be told is not there") {
  const HostFiles files;
  CHECK(files.exists(std::filesystem::temp_directory_path()));
  CHECK_FALSE(files.exists("/nowhere/plates"));
  CHECK_FALSE(files.exists(std::filesystem::path(std::string(5000, 'n'))));
}

}  // namespace framemill::scheduler
