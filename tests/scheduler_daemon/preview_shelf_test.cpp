#include "scheduler/daemon/preview_shelf.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>

#include "base/file.h"

namespace framemill::scheduler {
namespace {

namespace fs = std::filesystem;

struct Shelf {
  Shelf() {
    fs::create_directories(directory);
    fs::create_directories(path / "far");
    put("strip_1_2_3-00f1e2d3c4b5a697-17_256x144x16_1017-1032.jpg", "second window");
    put("strip_1_0_3-00f1e2d3c4b5a697-16_256x144x16_1001-1016.jpg", "first window");
    put("strip_0_0_3-00f1e2d3c4b5a697-15_256x144x16_1001-1016.jpg", "another layer");
    put(frame, "a frame");
  }
  ~Shelf() { fs::remove_all(path); }
  void put(const std::string& name, const std::string& bytes) const {
    std::ofstream(directory / name, std::ios::binary) << bytes;
  }

  template <class T>
  static base::Result<T> wait(std::future<base::Result<T>> future) {
    REQUIRE(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    return future.get();
  }
  base::Result<PreviewFile> read(const std::string& name, const std::string& from = "main", std::uint32_t job = 5) {
    auto promise = std::make_shared<std::promise<base::Result<PreviewFile>>>();
    auto future = promise->get_future();
    shelf.read(JobId(job), from, name,
               [promise](base::Result<PreviewFile> file) { promise->set_value(std::move(file)); });
    return wait(std::move(future));
  }
  base::Result<std::optional<PreviewFile>> latest(const std::set<std::string>& roots) {
    auto promise = std::make_shared<std::promise<base::Result<std::optional<PreviewFile>>>>();
    auto future = promise->get_future();
    shelf.latest(JobId(5), roots, [promise](auto file) { promise->set_value(std::move(file)); });
    return wait(std::move(future));
  }
  std::vector<std::string> list(std::uint32_t job = 5) {
    auto promise = std::make_shared<std::promise<base::Result<std::vector<PreviewStrip>>>>();
    auto future = promise->get_future();
    shelf.list(JobId(job), {"main", "far"}, [promise](auto strips) { promise->set_value(std::move(strips)); });
    std::vector<std::string> names;
    const auto strips = wait(std::move(future));
    for (const PreviewStrip& strip : strips.value()) names.push_back(strip.name);
    return names;
  }

  const fs::path path = fs::temp_directory_path() / ("framemill-shelf-" + std::to_string(base::random_u64()));
  const fs::path root = path / "root", directory = root / ".framemill/previews/5";
  const std::string frame = std::string(64, 'a') + ".jpg";
  PreviewShelf shelf{{{"main", root}, {"far", path / "far"}, {"absent", ""}}};
};

}  // namespace

TEST_CASE("strips come by phase and frame, of several attempts at a window the newest alone") {
  Shelf farm;
  CHECK(farm.list() == std::vector<std::string>{"strip_0_0_3-00f1e2d3c4b5a697-15_256x144x16_1001-1016.jpg",
                                                "strip_1_0_3-00f1e2d3c4b5a697-16_256x144x16_1001-1016.jpg",
                                                "strip_1_2_3-00f1e2d3c4b5a697-17_256x144x16_1017-1032.jpg"});
  farm.put("strip_1_0_3-00f1e2d3c4b5a697-21_256x144x16_1001-1016.jpg", "again");
  farm.put("strip_of_something_else.jpg", "no strip");
  CHECK(farm.list()[1] == "strip_1_0_3-00f1e2d3c4b5a697-21_256x144x16_1001-1016.jpg");
  CHECK(farm.list().size() == 3);
  CHECK(farm.list(6).empty());
}

TEST_CASE("a preview is read by its name, and only from roots that this host has") {
  Shelf farm;
  CHECK(farm.read(farm.frame)->bytes == "a frame");
  CHECK(farm.read(farm.frame, "far").error().code == "preview.unknown");
  CHECK(farm.read(farm.frame, "absent").error().code == "preview.unknown");
  CHECK(farm.read(farm.frame, "main", 6).error().code == "preview.unknown");
  CHECK(farm.shelf.served({"main", "far", "absent", "other"}) == std::set<std::string>{"far", "main"});
}

TEST_CASE("no link below a root is followed, and no file is read that is not a preview") {
  Shelf farm;
  std::ofstream(farm.root / "plate.exr") << "secret";
  const std::string linked = std::string(64, 'b') + ".jpg", pipe = std::string(64, 'c') + ".jpg",
                    empty = std::string(64, 'd') + ".jpg";
  fs::create_symlink(farm.root / "plate.exr", farm.directory / linked);
  ::mkfifo((farm.directory / pipe).c_str(), 0600);
  farm.put(empty, "");
  for (const std::string& name : {linked, pipe, empty, std::string("latest.jpg"), std::string("../5/") + farm.frame})
    CHECK(farm.read(name).error().code == "preview.unknown");
  fs::create_directory_symlink(farm.directory, farm.root / ".framemill/previews/6");
  CHECK(farm.read(farm.frame, "main", 6).error().code == "preview.unknown");
  CHECK(farm.list(6).empty());
}

TEST_CASE("the newest picture of a job is the newest of all its roots, and its tag changes with it") {
  Shelf farm;
  CHECK_FALSE(farm.latest({"main", "far"})->has_value());
  farm.put("latest.jpg", "one");
  const auto one = farm.latest({"main", "far"}).value();
  REQUIRE(one);
  CHECK(one->bytes == "one");
  const fs::path other = farm.path / "far/.framemill/previews/5";
  fs::create_directories(other);
  std::ofstream(other / "latest.jpg") << "two";
  fs::last_write_time(other / "latest.jpg", fs::file_time_type::clock::now() + std::chrono::hours(1));
  const auto two = farm.latest({"main", "far"}).value();
  CHECK(two->bytes == "two");
  CHECK(two->tag != one->tag);
  CHECK(farm.latest({"main"}).value()->tag == one->tag);
}

}  // namespace framemill::scheduler
