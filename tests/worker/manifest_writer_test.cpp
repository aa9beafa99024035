#include "worker/supervisor/manifest_writer.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "tests/worker/scratch.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

using namespace scratch;
namespace json = boost::json;

// A layer of two variants in one directory, and the order for its manifest.
struct Frames {
  Frames() {
    order.set_job(12);
    order.set_revision(0);
    order.set_root("main");
    order.set_directory("harbor/hb_0010/v001");
    order.set_version(1);
    order.set_submitted_unix_ms(1'800'000'000'000);
    order.set_plan_digest(raw_digest("plan"));
    wire::ManifestLayer& layer = *order.add_layers();
    layer.set_name("boards");
    layer.set_model("demo@1");
    layer.set_model_digest(raw_digest("weights"));
    for (std::uint32_t variant = 0; variant < 2; ++variant) {
      wire::ManifestPart& part = *order.add_parts();
      part.set_phase(2 * variant + 1);
      part.set_variant(variant);
      part.set_seed(40 + variant);
    }
  }
  // A task's files have their names: its order is kept.
  void publish(std::uint32_t variant, std::uint32_t task) {
    wire::PublishOrder kept;
    kept.mutable_tasks()->set_job(12);
    kept.mutable_tasks()->set_phase(2 * variant + 1);
    kept.mutable_tasks()->set_first(task);
    kept.mutable_tasks()->set_count(1);
    kept.set_root("main");
    for (const int frame : {1001 + 2 * static_cast<int>(task), 1002 + 2 * static_cast<int>(task)}) {
      wire::OutputFile& file = *kept.add_files();
      file.set_path("harbor/hb_0010/v001/t" + std::to_string(variant) + "." + std::to_string(frame) + ".exr");
      file.set_size_bytes(100);
      file.set_sha256(raw_digest("bytes"));
      file.set_samples_sha256(raw_digest("samples"));
      file.set_frame(frame);
    }
    REQUIRE(keep_on_record(*root, kept).ok());
    REQUIRE(keep_on_record(*root, kept).ok());  // an order may be repeated
    wire::ManifestPart& part = *order.mutable_parts(static_cast<int>(variant));
    part.set_tasks(part.tasks() + 1);
    order.set_revision(order.revision() + 1);
  }
  std::string code() {
    const auto status = write_manifest(*root, order, {});
    return status.ok() ? "ok" : status.error().code;
  }
  json::value manifest(const std::string& name = "manifest.json") {
    return json::parse(area.read("main/harbor/hb_0010/v001/" + name));
  }
  std::size_t files(const std::string& name = "manifest.json") { return manifest(name).at("files").as_array().size(); }
  Scratch area;
  std::shared_ptr<const RootDirectory> root = area.root();
  wire::ManifestOrder order;
};

TEST_CASE("a manifest lists every file in order with both digests, model and seed") {
  Frames f;
  f.publish(1, 0);
  f.publish(0, 10);
  f.publish(0, 9);
  REQUIRE(f.code() == "ok");
  const json::value manifest = f.manifest();
  CHECK(manifest.at("job") == 12);
  CHECK(manifest.at("version") == 1);
  CHECK(manifest.at("plan_digest") == json::string(base::sha256("plan").hex()));
  CHECK(manifest.at("models").as_array().size() == 1);
  const json::array& files = manifest.at("files").as_array();
  REQUIRE(files.size() == 6);
  CHECK(files[0].at("frame") == 1019);
  CHECK(files[2].at("frame") == 1021);
  CHECK(files[4].at("variant") == 1);
  CHECK(files[4].at("seed") == 41);
  CHECK(files[4].at("seed_text") == "41");
  CHECK(files[4].at("layer") == "boards");
  CHECK(files[4].at("model") == "demo@1");
  CHECK(files[4].at("file") == "harbor/hb_0010/v001/t1.1001.exr");
  CHECK(files[4].at("sha256") == json::string(base::sha256("bytes").hex()));
  CHECK(files[4].at("samples_sha256") == json::string(base::sha256("samples").hex()));
}

TEST_CASE("a manifest gives frames that a program made neither model nor seed") {
  Frames f;
  f.order.mutable_layers(0)->clear_model();
  f.order.mutable_layers(0)->clear_model_digest();
  f.publish(0, 0);
  REQUIRE(f.code() == "ok");
  const json::value manifest = f.manifest();
  CHECK(manifest.at("models").as_array().empty());
  const json::value& file = manifest.at("files").at(0);
  CHECK(file.at("model").is_null());
  CHECK(file.at("seed").is_null());
  CHECK(file.at("seed_text").is_null());
  CHECK(file.at("samples_sha256") == json::string(base::sha256("samples").hex()));
}

TEST_CASE("a manifest waits until every published task is on record") {
  Frames f;
  f.publish(0, 0);
  f.order.mutable_parts(1)->set_tasks(1);
  CHECK(f.code() == "manifest.incomplete");
  CHECK_FALSE(fs::exists(f.area.directory / "main/harbor/hb_0010/v001/manifest.json"));
}

TEST_CASE("a later revision replaces a manifest whole, and an order that comes late changes nothing") {
  Frames f;
  f.publish(0, 0);
  const wire::ManifestOrder early = f.order;
  REQUIRE(f.code() == "ok");
  f.publish(0, 1);
  REQUIRE(f.code() == "ok");
  CHECK(f.files() == 4);
  f.order = early;
  REQUIRE(f.code() == "ok");
  CHECK(f.files() == 4);
  // Nothing half-written is left beside what was kept.
  for (const auto& entry : fs::directory_iterator(f.area.directory / "main/.framemill/manifests/12"))
    CHECK(entry.is_directory());
}

TEST_CASE("a manifest of another job, or of a person, is never touched") {
  Frames f;
  f.publish(0, 0);
  f.area.write("main/harbor/hb_0010/v001/manifest.json", "mine\n");
  REQUIRE(f.code() == "ok");
  CHECK(f.area.read("main/harbor/hb_0010/v001/manifest.json") == "mine\n");
  CHECK(f.files("manifest.job12.json") == 2);
  f.publish(0, 1);
  REQUIRE(f.code() == "ok");
  CHECK(f.files("manifest.job12.json") == 4);
  // Another farm's job of the same number.
  f.order.set_submitted_unix_ms(5);
  f.order.set_revision(9);
  CHECK(f.code() == "publish.exists_other");
  CHECK(f.files("manifest.job12.json") == 4);
}

TEST_CASE("a discarded job leaves its manifest and nothing of what was kept for it") {
  Frames f;
  f.publish(0, 0);
  REQUIRE(f.code() == "ok");
  REQUIRE(discard_job(*f.root, 12, "worker key").ok());
  CHECK_FALSE(fs::exists(f.area.directory / "main/.framemill/manifests/12"));
  CHECK(f.files() == 2);
}

TEST_CASE("a manifest stays inside its root and out of what the farm keeps") {
  Frames f;
  f.publish(0, 0);
  for (const char* directory : {"../out", "/etc", "a/../../b", ".framemill/attempts"}) {
    INFO(directory);
    f.order.set_directory(directory);
    CHECK(f.code() != "ok");
  }
  fs::create_directory_symlink(f.area.directory, f.area.directory / "main/link");
  f.order.set_directory("link");
  CHECK(f.code() == "path.link");
  f.order.set_directory("");
  CHECK(f.code() == "ok");
  CHECK(fs::exists(f.area.directory / "main/manifest.json"));
}

// What a remake of task 1 of variant 0 put in the place of its files.
wire::PublishOrder remade_order() {
  wire::PublishOrder remade;
  remade.mutable_tasks()->set_job(20);
  remade.mutable_tasks()->set_phase(1);
  remade.mutable_tasks()->set_first(1);
  remade.mutable_tasks()->set_count(1);
  remade.set_root("main");
  for (const int frame : {1003, 1004}) {
    wire::OutputFile& file = *remade.add_files();
    file.set_path("harbor/hb_0010/v001/t0." + std::to_string(frame) + ".exr");
    file.set_size_bytes(101);
    file.set_sha256(raw_digest("other bytes"));
    file.set_samples_sha256(raw_digest("other samples"));
    file.set_frame(frame);
    *remade.mutable_remake()->add_before() = file;
    remade.mutable_remake()->mutable_before(frame - 1003)->set_sha256(raw_digest("bytes"));
  }
  remade.mutable_remake()->set_job(12);
  remade.mutable_remake()->set_submitted_unix_ms(1'800'000'000'000);
  remade.mutable_remake()->set_has_manifest(true);
  remade.mutable_remake()->set_manifest_directory("harbor/hb_0010/v001");
  return remade;
}

TEST_CASE("a remake's digests take the place of those in the first job's manifest, and in what is kept for it") {
  Frames f;
  for (std::uint32_t task = 0; task < 3; ++task) f.publish(0, task);
  REQUIRE(f.code() == "ok");
  REQUIRE(amend_manifest(*f.root, remade_order(), {}).ok());
  REQUIRE(amend_manifest(*f.root, remade_order(), {}).ok());  // an order may be repeated
  const auto check = [&] {
    const json::value manifest = f.manifest();
    CHECK(manifest.at("job") == 12);
    const json::array& files = manifest.at("files").as_array();
    REQUIRE(files.size() >= 6);
    for (const json::value& file : files) {
      const bool remade = file.at("frame") == 1003 || file.at("frame") == 1004;
      INFO(file.at("frame"));
      CHECK(file.at("size_bytes") == (remade ? 101 : 100));
      CHECK(file.at("sha256") == json::string(base::sha256(remade ? "other bytes" : "bytes").hex()));
      CHECK(file.at("samples_sha256") == json::string(base::sha256(remade ? "other samples" : "samples").hex()));
      CHECK(file.at("seed") == 40);
    }
  };
  check();
  f.publish(0, 3);  // a retry of the first job publishes more
  REQUIRE(f.code() == "ok");
  check();
  CHECK(f.files() == 8);
}

TEST_CASE("a remake touches no other job's manifest, and misses none that is not there") {
  Frames f;
  f.publish(0, 1);
  REQUIRE(f.code() == "ok");
  const std::string before = f.area.read("main/harbor/hb_0010/v001/manifest.json");
  wire::PublishOrder other = remade_order();
  other.mutable_remake()->set_job(13);
  CHECK(amend_manifest(*f.root, other, {}).ok());
  wire::PublishOrder another = remade_order();
  another.mutable_remake()->set_submitted_unix_ms(5);  // a job 12 of another farm
  CHECK(amend_manifest(*f.root, another, {}).ok());
  CHECK(f.area.read("main/harbor/hb_0010/v001/manifest.json") == before);
  fs::remove(f.area.directory / "main/harbor/hb_0010/v001/manifest.json");
  CHECK(amend_manifest(*f.root, remade_order(), {}).ok());
  CHECK_FALSE(fs::exists(f.area.directory / "main/harbor/hb_0010/v001/manifest.json"));
}

}  // namespace
}  // namespace framemill::worker
