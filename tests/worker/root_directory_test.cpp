#include "worker/supervisor/root_directory.h"

#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "scratch.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

using namespace scratch;

TEST_CASE("a marker without an id gets one, the same for all who ask at one moment") {
  const Scratch area;
  const auto root = area.root();
  CHECK(root->id().empty());
  std::vector<std::string> ids(8);
  std::vector<std::thread> hosts;
  for (std::string& id : ids)
    hosts.emplace_back([&] {
      // The lock of another host stands in the way for a moment; the daemon comes again, and so does this.
      for (int i = 0; i < 10'000 && id.empty(); ++i) {
        if (const auto given = root->give_id(); given.ok()) id = *given;
        if (id.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  for (std::thread& host : hosts) host.join();
  for (const std::string& id : ids) CHECK(id == ids.front());
  const auto again = RootDirectory::open("main", area.directory / "main");
  REQUIRE(again.ok());
  CHECK((*again)->id() == ids.front());
  CHECK(ids.front().size() == 32);
  CHECK((*again)->give_id().value() == ids.front());
  CHECK_FALSE(fs::exists(area.directory / "main/.framemill-root.new"));
}

TEST_CASE("a marker that cannot be read is not called missing, and one that is too long is left as it is") {
  Scratch area;
  area.write("main/.framemill-root", "name = \"main\"\nid = \"" + std::string(5000, 'a') + "\"\n");
  const std::string before = area.read("main/.framemill-root");
  CHECK(RootDirectory::open("main", area.directory / "main").error().message.find("longer than 4096") !=
        std::string::npos);
  CHECK(area.read("main/.framemill-root") == before);
  std::filesystem::remove(area.directory / "main/.framemill-root");
  std::filesystem::create_directory(area.directory / "main/.framemill-root");
  const auto directory = RootDirectory::open("main", area.directory / "main");
  CHECK(directory.error().message.find("Is a directory") != std::string::npos);
  std::filesystem::remove(area.directory / "main/.framemill-root");
  CHECK(RootDirectory::open("main", area.directory / "main").error().message.find("no marker file") !=
        std::string::npos);
}

TEST_CASE("a marker with half an id is refused with what to do") {
  const Scratch area;
  area.write("main/.framemill-root", "name = \"main\"\nid = \"12\"\n");
  const auto opened = RootDirectory::open("main", area.directory / "main");
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == "root.marker");
  CHECK_FALSE(opened.error().hint.empty());
}

TEST_CASE("a file is found through links inside the roots, and not through one out of them") {
  const Scratch area;
  area.root();
  area.write("archive/show/plate.exr", "plate");
  area.write("elsewhere/secret", "secret");
  fs::create_directory_symlink(area.directory / "archive/show", area.directory / "main/show");
  fs::create_symlink(area.directory / "elsewhere/secret", area.directory / "main/secret");
  const auto alone = RootDirectory::open("main", area.directory / "main").value();
  CHECK(alone->digest("show/plate.exr").error().code == "path.link");
  const auto all = std::make_shared<const base::RootPaths>(
      base::RootPaths{{"main", area.directory / "main"}, {"archive", area.directory / "archive"}});
  const auto root = RootDirectory::open("main", area.directory / "main", all).value();
  CHECK(root->digest("show/plate.exr").value().size_bytes == 5);
  CHECK(root->open_directory("show/new/deep", MakeDirectories::Yes).ok());
  CHECK(fs::is_directory(area.directory / "archive/show/new/deep"));
  CHECK(root->digest("secret").error().code == "path.link");
  fs::create_symlink("round", area.directory / "main/round");
  CHECK(root->digest("round").error().message.find("leads to itself") != std::string::npos);
  // What the farm keeps for itself is reached through no link at all.
  fs::create_directory_symlink(area.directory / "archive", area.directory / "main/.framemill");
  CHECK(root->open_directory(".framemill/attempts", MakeDirectories::Yes).error().code == "path.link");
  CHECK_FALSE(fs::exists(area.directory / "archive/attempts"));
}

TEST_CASE("an output directory behind a link out of the roots is refused before work begins") {
  const Scratch area;
  const auto root = area.root();
  fs::create_directory(area.directory / "elsewhere");
  fs::create_directory_symlink(area.directory / "elsewhere", area.directory / "main/show");
  wire::Grant work = grant(1);
  work.mutable_recipe()->set_output_printf("show/shot/f.%04d.exr");
  CHECK(check_output_directory(*root, work).error().code == "output.link");
  work.mutable_recipe()->set_output_printf("other/shot/f.%04d.exr");
  CHECK(check_output_directory(*root, work).ok());
}

}  // namespace
}  // namespace framemill::worker
