#include "worker/supervisor/publisher.h"
#include "jobs/publish_error.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/worker/scratch.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

using namespace scratch;

// One attempt with one staged file, and the order to publish it.
struct Staged {
  explicit Staged(const std::string& path = "harbor/hb_0010/f.1001.exr", const std::string& contents = "pixels") {
    REQUIRE(prepare_staging(*root, attempt(1), grant(1), "worker key").ok());
    area.write("main/" + staging_path(attempt(1)) + "/0/f.1001.exr", contents);
    *order.mutable_attempt() = grant(1).attempt();
    order.set_root("main");
    file = order.add_files();
    file->set_staged("0/f.1001.exr");
    file->set_path(path);
    file->set_size_bytes(contents.size());
    file->set_sha256(raw_digest(contents));
  }
  std::string code() {
    const auto status = publish(*root, order, {});
    if (!status.ok() && jobs::publish_error_from_code(status.error().code))
      CHECK_FALSE(status.error().hint.empty());  // what to do is shown with the failure
    return status.ok() ? "ok" : status.error().code;
  }
  Scratch area;
  std::shared_ptr<const RootDirectory> root = area.root();
  wire::PublishOrder order;
  wire::OutputFile* file = nullptr;
};

TEST_CASE("publishing gives a staged file its final name, and may be repeated") {
  Staged s;
  CHECK(s.code() == "ok");
  CHECK(s.area.read("main/harbor/hb_0010/f.1001.exr") == "pixels");
  CHECK(s.code() == "ok");
  REQUIRE(sweep_staging(*s.root, attempt(1)).ok());
  CHECK(s.code() == "ok");  // the staged file is gone, the final one is the committed one
}

TEST_CASE("another file under the final name is never overwritten") {
  Staged s;
  s.area.write("main/harbor/hb_0010/f.1001.exr", "someone's own");
  CHECK(s.code() == "publish.exists_other");
  CHECK(s.area.read("main/harbor/hb_0010/f.1001.exr") == "someone's own");
}

TEST_CASE("a foreign file of equal size under the final name does not pass for the frame") {
  Staged s;
  s.area.write("main/harbor/hb_0010/f.1001.exr", "PIXELS");
  CHECK(s.code() == "publish.exists_other");
  CHECK(s.area.read("main/harbor/hb_0010/f.1001.exr") == "PIXELS");
  // Nor once the staged file is gone.
  REQUIRE(sweep_staging(*s.root, attempt(1)).ok());
  CHECK(s.code() == "publish.exists_other");
}

// The same order as a remake's: what it was before, and that it may take the place of what is there.
struct Remade : Staged {
  explicit Remade(const std::string& before, const std::string& now = "pixels") : Staged(kPath, now) {
    wire::OutputFile& recorded = *order.mutable_remake()->add_before();
    recorded.set_path(kPath);
    recorded.set_size_bytes(before.size());
    recorded.set_sha256(raw_digest(before));
    order.mutable_remake()->set_job(12);
  }
  static constexpr const char* kPath = "harbor/hb_0010/f.1001.exr";
  std::string there() { return area.read(std::string("main/") + kPath); }
};

TEST_CASE("a remake's file takes the place of what is there, damaged or missing, and its order may be repeated") {
  Remade damaged("pixels");
  damaged.area.write("main/harbor/hb_0010/f.1001.exr", "pix");
  CHECK(damaged.code() == "ok");
  CHECK(damaged.there() == "pixels");
  CHECK(damaged.code() == "ok");  // the staged file is gone: the rename took it
  CHECK(damaged.there() == "pixels");

  Remade missing("pixels");
  CHECK(missing.code() == "ok");
  CHECK(missing.there() == "pixels");
  REQUIRE(sweep_staging(*missing.root, attempt(1)).ok());
  CHECK(missing.code() == "ok");
}

TEST_CASE("a remake whose staged file is gone is made again, and leaves what is there alone") {
  Remade s("pixels");
  s.area.write("main/harbor/hb_0010/f.1001.exr", "pix");
  REQUIRE(sweep_staging(*s.root, attempt(1)).ok());
  CHECK(s.code() == "publish.missing");
  CHECK(s.there() == "pix");
}

TEST_CASE("a remake takes the place of a link and never follows it, and a directory stays") {
  Remade s("pixels");
  s.area.write("outside/precious", "x");
  fs::create_directories(s.root->path() / "harbor/hb_0010");
  fs::create_symlink(s.area.directory / "outside/precious", s.root->path() / Remade::kPath);
  CHECK(s.code() == "ok");
  CHECK(s.there() == "pixels");
  CHECK_FALSE(fs::is_symlink(s.root->path() / Remade::kPath));
  CHECK(s.area.read("outside/precious") == "x");

  Remade directory("pixels");
  directory.area.write("main/harbor/hb_0010/f.1001.exr/inside", "x");
  CHECK(directory.code() == "publish.exists_other");
  CHECK(directory.area.read("main/harbor/hb_0010/f.1001.exr/inside") == "x");
}

TEST_CASE("where only the recorded contents can be right a whole file stays, a damaged or an empty one does not") {
  Remade whole("as ever", "pixels");
  whole.order.mutable_remake()->set_keep_intact(true);
  whole.area.write("main/harbor/hb_0010/f.1001.exr", "as ever");
  CHECK(whole.code() == "publish.intact");
  CHECK(whole.there() == "as ever");

  Remade damaged("as ever", "pixels");
  damaged.order.mutable_remake()->set_keep_intact(true);
  damaged.area.write("main/harbor/hb_0010/f.1001.exr", "as eve");
  CHECK(damaged.code() == "ok");
  CHECK(damaged.there() == "pixels");
  CHECK(damaged.code() == "ok");

  Remade empty("", "pixels");
  empty.order.mutable_remake()->set_keep_intact(true);
  empty.area.write("main/harbor/hb_0010/f.1001.exr", "");
  CHECK(empty.code() == "ok");
  CHECK(empty.there() == "pixels");
}

TEST_CASE("a staged file with other links waits for its name, and keeps its directory until it has it") {
  Staged s;
  const fs::path staged = s.root->path() / staging_path(attempt(1));
  fs::create_hard_link(staged / "0/f.1001.exr", staged / "0/another-name");
  wire::FinishedTask task;
  *task.mutable_attempt() = grant(1).attempt();
  *task.add_files() = *s.file;
  REQUIRE(write_done(*s.root, attempt(1), task).ok());
  CHECK(sweep_if_published(*s.root, attempt(1), "worker key").value() == false);
  CHECK(s.code() == "ok");
  CHECK(s.area.read("main/harbor/hb_0010/f.1001.exr") == "pixels");
  CHECK(sweep_if_published(*s.root, attempt(1), "worker key").value() == true);
  CHECK_FALSE(fs::exists(staged));
}

TEST_CASE("a foreign file under the final name, equal in size, does not let the staged frame be swept") {
  Staged s;
  wire::FinishedTask task;
  *task.mutable_attempt() = grant(1).attempt();
  *task.add_files() = *s.file;
  REQUIRE(write_done(*s.root, attempt(1), task).ok());
  s.area.write("main/harbor/hb_0010/f.1001.exr", "PIXELS");
  CHECK(sweep_if_published(*s.root, attempt(1), "worker key").value() == false);
  s.area.write("main/harbor/hb_0010/f.1001.exr", "pixels");  // another worker's, the very same
  CHECK(sweep_if_published(*s.root, attempt(1), "worker key").value() == true);
}

TEST_CASE("a task that was taken back keeps its attempt's directory no longer") {
  Staged s;
  wire::FinishedTask task;
  *task.mutable_attempt() = grant(1).attempt();
  *task.add_files() = *s.file;
  REQUIRE(write_done(*s.root, attempt(1), task).ok());
  CHECK(sweep_if_published(*s.root, attempt(1), "worker key").value() == false);
  CHECK(drop_done(*s.root, attempt(1), 1).ok());  // another task, of which nothing is there
  CHECK(sweep_if_published(*s.root, attempt(1), "worker key").value() == false);
  CHECK(drop_done(*s.root, attempt(1), task.task()).ok());
  CHECK(find_left_attempts(*s.root, "worker key", 100).value().front().finished.empty());  // nor is it delivered
  CHECK(sweep_if_published(*s.root, attempt(1), "worker key").value() == true);
  CHECK(drop_done(*s.root, attempt(1), task.task()).ok());  // the directory is gone
}

TEST_CASE("the farm's directory exchanged for a link in mid-job: nothing outside is made, published or removed") {
  Staged s;
  wire::FinishedTask task;
  *task.mutable_attempt() = grant(1).attempt();
  *task.add_files() = *s.file;
  REQUIRE(write_done(*s.root, attempt(1), task).ok());
  // The same tree elsewhere, with something precious in it.
  const fs::path farm = s.root->path() / ".framemill", outside = s.area.directory / "outside";
  fs::copy(farm, outside, fs::copy_options::recursive);
  s.area.write("outside/latents/5/precious", "x");
  fs::rename(farm, s.root->path() / "aside");
  fs::create_directory_symlink(outside, farm);
  const auto files = [&] {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(outside)) count += entry.exists() ? 1 : 0;
    return count;
  };
  const std::size_t before = files();
  CHECK(s.code() != "ok");
  CHECK_FALSE(fs::exists(s.root->path() / "harbor/hb_0010/f.1001.exr"));
  CHECK_FALSE(prepare_staging(*s.root, attempt(2), grant(2), "worker key").ok());
  CHECK_FALSE(write_done(*s.root, attempt(1), task).ok());
  CHECK_FALSE(sweep_staging(*s.root, attempt(1)).ok());
  CHECK_FALSE(sweep_if_published(*s.root, attempt(1), "worker key").ok());
  CHECK_FALSE(find_left_attempts(*s.root, "worker key", 100).ok());
  CHECK_FALSE(discard_job(*s.root, 5, "worker key").ok());
  CHECK(files() == before);
}

TEST_CASE("an equal file under the final name is success") {
  Staged s;
  s.area.write("main/harbor/hb_0010/f.1001.exr", "pixels");
  CHECK(s.code() == "ok");
}

TEST_CASE("a staged file that is gone or not the committed one is missing") {
  Staged s;
  s.file->set_size_bytes(99);
  CHECK(s.code() == "publish.missing");
  REQUIRE(sweep_staging(*s.root, attempt(1)).ok());
  CHECK(s.code() == "publish.missing");
}

TEST_CASE("paths that lead out of the root, or into what the farm keeps, are refused") {
  Staged s;
  for (const char* path : {"../out.exr", "/etc/out.exr", "a/../../out.exr", "a//b.exr", "a/./b.exr", "", "a/b\n.exr",
                           ".framemill/attempts/x", ".framemill-root", ".framemill/latents"}) {
    INFO(path);
    s.file->set_path(path);
    CHECK(s.code() == "publish.path");
  }
  CHECK_FALSE(fs::exists(s.area.directory / "out.exr"));
  s.file->set_path(".framemill/latents/5/0/0.safetensors");
  CHECK(s.code() == "ok");
  s.file->set_path("fine.exr");
  s.file->set_staged("../../../../../secret");
  CHECK(s.code() == "path.bad");
}

TEST_CASE("a link in the way is not followed, whoever put it there") {
  Staged s;
  fs::create_directory(s.area.directory / "elsewhere");
  fs::create_directory_symlink(s.area.directory / "elsewhere", s.area.directory / "main" / "harbor");
  CHECK(s.code() == "publish.path");
  CHECK(fs::is_empty(s.area.directory / "elsewhere"));
}

TEST_CASE("a staged link is not published as if it were a file") {
  Staged s;
  const fs::path staged = s.area.directory / "main" / staging_path(attempt(1)) / "0/f.1001.exr";
  s.area.write("secret", "pixels");
  fs::remove(staged);
  fs::create_symlink(s.area.directory / "secret", staged);
  CHECK(s.code() == "publish.missing");
}

// --- roots and staging -----------------------------------------------------------------------------------------------

TEST_CASE("a root without its marker, or with another's, is not opened") {
  Scratch area;
  fs::create_directory(area.directory / "main");
  CHECK(RootDirectory::open("main", area.directory / "main").error().code == "root.marker");
  area.write("main/.framemill-root", "name = \"other\"\n");
  CHECK(RootDirectory::open("main", area.directory / "main").error().code == "root.marker");
  CHECK(RootDirectory::open("main", area.directory / "nowhere").error().code == "root.missing");
}

TEST_CASE("a FIFO or a directory is not read as a file") {
  Scratch area;
  const auto root = area.root();
  REQUIRE(::mkfifo((area.directory / "main/pipe").c_str(), 0600) == 0);
  fs::create_directory(area.directory / "main/dir");
  CHECK(root->open_file("pipe").error().code == "path.not_a_file");
  CHECK(root->open_file("dir").error().code == "path.not_a_file");
}

TEST_CASE("removing a tree removes links and not what they point at") {
  Scratch area;
  const auto root = area.root();
  area.write("outside/keep", "keep me");
  area.write("main/tree/a/b/c", "x");
  fs::create_directory_symlink(area.directory / "outside", area.directory / "main/tree/a/link");
  REQUIRE(root->remove_tree("tree").ok());
  CHECK_FALSE(fs::exists(area.directory / "main/tree"));
  CHECK(area.read("outside/keep") == "keep me");
  CHECK(root->remove_tree("tree").ok());
}

wire::FinishedTask finished(std::uint64_t counter) {
  wire::FinishedTask task;
  *task.mutable_attempt() = grant(counter).attempt();
  task.set_job(5);
  wire::OutputFile& file = *task.add_files();
  file.set_staged("0/f.1001.exr");
  file.set_path("f.1001.exr");
  file.set_size_bytes(6);
  file.set_sha256(raw_digest("pixels"));
  return task;
}

TEST_CASE("a restarted worker finds what it had finished, and nothing of another worker") {
  Staged s;
  REQUIRE(write_done(*s.root, attempt(1), finished(1)).ok());
  REQUIRE(prepare_staging(*s.root, attempt(2), grant(2), "other key").ok());
  REQUIRE(write_done(*s.root, attempt(2), finished(2)).ok());
  s.area.write("main/" + staging_path(attempt(1)) + "/7.done", "not a message");
  s.area.write("main/" + staging_path(attempt(1)) + "/8.done", finished(2).SerializeAsString());
  const auto found = find_left_attempts(*s.root, "worker key", 100);
  REQUIRE(found.ok());
  REQUIRE(found->size() == 1);
  CHECK((*found)[0].attempt == attempt(1));
  REQUIRE((*found)[0].finished.size() == 1);
  CHECK((*found)[0].finished[0].files(0).path() == "f.1001.exr");
}

TEST_CASE("a staging directory is swept when everything finished in it has its final name") {
  Staged s("f.1001.exr");
  REQUIRE(write_done(*s.root, attempt(1), finished(1)).ok());
  CHECK_FALSE(*sweep_if_published(*s.root, attempt(1), "worker key"));
  CHECK(s.code() == "ok");
  CHECK(*sweep_if_published(*s.root, attempt(1), "worker key"));
  CHECK_FALSE(fs::exists(s.area.directory / "main" / staging_path(attempt(1))));
  CHECK(s.area.read("main/f.1001.exr") == "pixels");
}

TEST_CASE("what was published keeps no staging directory, even where its name has gone again with the job") {
  Staged s(".framemill/latents/5/0/1.safetensors");
  s.order.mutable_tasks()->set_first(1);
  s.order.mutable_tasks()->set_count(1);
  wire::FinishedTask task;
  *task.mutable_attempt() = grant(1).attempt();
  task.set_task(1);
  *task.add_files() = *s.file;
  REQUIRE(write_done(*s.root, attempt(1), task).ok());
  task.set_task(2);  // not published yet
  task.mutable_files(0)->set_path(".framemill/latents/5/0/2.safetensors");
  REQUIRE(write_done(*s.root, attempt(1), task).ok());
  CHECK(s.code() == "ok");
  CHECK(s.code() == "ok");
  fs::remove_all(s.area.directory / "main/.framemill/latents/5");  // discarded by another worker
  CHECK_FALSE(*sweep_if_published(*s.root, attempt(1), "worker key"));
  REQUIRE(drop_done(*s.root, attempt(1), 2).ok());
  CHECK(*sweep_if_published(*s.root, attempt(1), "worker key"));
  CHECK_FALSE(fs::exists(s.area.directory / "main" / staging_path(attempt(1))));
  CHECK(s.code() == "publish.missing");  // and the directory being gone is no other error
}

// After a restart of the scheduler files are published by whoever reports first; their maker may still be at the
// attempt.
TEST_CASE("a staging directory is swept by the worker that made it alone") {
  Staged s("f.1001.exr");
  REQUIRE(write_done(*s.root, attempt(1), finished(1)).ok());
  CHECK(s.code() == "ok");
  CHECK_FALSE(*sweep_if_published(*s.root, attempt(1), "other key"));
  CHECK(fs::exists(s.area.directory / "main" / staging_path(attempt(1))));
  CHECK(*sweep_if_published(*s.root, attempt(1), "worker key"));
}

TEST_CASE("a finished job's latents and leftovers are discarded, other jobs' stay") {
  Staged s;
  s.area.write("main/.framemill/latents/5/0/0.safetensors", "latents");
  s.area.write("main/.framemill/latents/6/0/0.safetensors", "latents");
  wire::Grant other = grant(2);
  other.mutable_tasks()->set_job(6);
  REQUIRE(prepare_staging(*s.root, attempt(2), other, "worker key").ok());
  REQUIRE(discard_job(*s.root, 5, "worker key").ok());
  CHECK_FALSE(fs::exists(s.area.directory / "main/.framemill/latents/5"));
  CHECK(fs::exists(s.area.directory / "main/.framemill/latents/6"));
  CHECK_FALSE(fs::exists(s.area.directory / "main" / staging_path(attempt(1))));
  CHECK(fs::exists(s.area.directory / "main" / staging_path(attempt(2))));
}

}  // namespace
}  // namespace framemill::worker
