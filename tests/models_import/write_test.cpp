#include <sys/stat.h>
#include <unistd.h>

#include "downloads.h"
#include "models/import/found_model.h"
#include "models/import/licence.h"
#include "models/import/remove_package.h"
#include "models/import/weight_files.h"
#include "models/package.h"

namespace framemill::models {
namespace {

std::string code_of(const base::Result<ImportedPackage>& imported) {
  return imported.ok() ? "imported" : imported.error().code;
}

std::size_t entries_of(const fs::path& directory) {
  std::error_code ignored;
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory, ignored), fs::directory_iterator()));
}

TEST_CASE("an import that stops, fails or finds its name taken leaves nothing behind") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  const ImportRequest request = downloads.request(source);
  const auto plan = plan_import(request);
  REQUIRE(plan.ok());

  int calls = 0;
  const auto stopped = write_import(*plan, request, [&](std::uint64_t, std::string_view) { return ++calls < 3; });
  CHECK(code_of(stopped) == "model.stopped");
  CHECK(entries_of(downloads.packages()) == 0);

  const fs::path part = source / "vae/diffusion_pytorch_model.safetensors";
  write(part, read(part) + "x");  // grows between the look and the import
  CHECK(code_of(write_import(*plan, request, {})) == "model.import");
  CHECK(entries_of(downloads.packages()) == 0);

  const auto again = plan_import(request);
  CHECK_FALSE(again.ok());  // the byte belongs to no tensor
}

TEST_CASE("what a killed import left is swept by the next one, and what a living one has is not") {
  const Downloads downloads;
  const ImportRequest request = downloads.request(downloads.diffusers("small-t2v"));
  const auto plan = plan_import(request);
  REQUIRE(plan.ok());
  write(downloads.packages() / ".importing-0123456789abcdef/other@1/weights", "half of a file");
  bool nested = false;
  const auto outer = write_import(*plan, request, [&](std::uint64_t, std::string_view) {
    if (nested) return true;
    nested = true;
    ImportRequest other = request;
    other.id = "other";
    return downloads.import(other).ok();
  });
  CHECK(outer.ok());
  CHECK(entries_of(downloads.packages()) == 2);
  CHECK(open_package(downloads.packages() / "other@1").ok());
  CHECK(open_package(downloads.packages() / "small-t2v@1").ok());
}

TEST_CASE("an existing package is never replaced") {
  const Downloads downloads;
  const ImportRequest request = downloads.request(downloads.diffusers("small-t2v"));
  const auto first = downloads.import(request);
  REQUIRE(first.ok());
  CHECK(code_of(downloads.import(request)) == "model.exists");
  CHECK(entries_of(downloads.packages()) == 1);
  CHECK(open_package(first->directory)->root_digest == first->root_digest);
  ImportRequest other = request;
  other.id = "empty";
  fs::create_directory(downloads.packages() / "empty@1");
  CHECK(code_of(downloads.import(other)) == "model.exists");
}

TEST_CASE("the same sources give the same digest, and progress ends at all bytes") {
  const Downloads downloads;
  ImportRequest request = downloads.request(downloads.diffusers("small-t2v"));
  const auto first = downloads.import(request);
  request.into = downloads.root() / "elsewhere/deep";
  request.transfer = Transfer::Copy;
  const auto plan = plan_import(request);
  REQUIRE(plan.ok());
  std::uint64_t last = 0;
  const auto second = write_import(*plan, request, [&](std::uint64_t done, std::string_view) {
    CHECK(done >= last);
    last = done;
    return true;
  });
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first->root_digest == second->root_digest);
  CHECK(last == plan->size_bytes);
}

TEST_CASE("packages go where nobody may write with an error, and links of downloads are followed") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  ImportRequest request = downloads.request(source);
  write(downloads.root() / "a file", "");
  request.into = downloads.root() / "a file";
  CHECK(code_of(downloads.import(request)) == "file.open");

  // As in a download cache: names are links to blobs.
  const fs::path weights = source / "vae/diffusion_pytorch_model.safetensors", blob = downloads.root() / "blobs/0f3a";
  fs::create_directories(blob.parent_path());
  fs::rename(weights, blob);
  fs::create_symlink("../../blobs/0f3a", weights);
  request.into = downloads.packages();
  const auto imported = downloads.import(request);
  REQUIRE(code_of(imported) == "imported");
  CHECK(fs::equivalent(imported->directory / "vae/diffusion_pytorch_model.safetensors", blob));
  CHECK_FALSE(fs::is_symlink(imported->directory / "vae/diffusion_pytorch_model.safetensors"));
  fs::remove(blob);
  request.id = "broken";
  const auto broken = plan_import(request);
  REQUIRE_FALSE(broken.ok());
  CHECK_THAT(broken.error().message, Catch::Contains("is a link that leads nowhere"));
}

TEST_CASE("the licence is the card's or the caller's, never the reader's guess") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  ImportRequest request = downloads.request(source);
  const auto said = [&] {
    const auto plan = plan_import(request);
    return plan.ok() ? plan->manifest.licence + " (" + plan->licence_source + ")"
                     : plan.error().code + " | " + plan.error().message;
  };
  CHECK(said() == "Apache-2.0 (README.md)");
  write(source / "README.md", "---\ntags:\n- license: no\nlicense: 'cc-by-nc-4.0'\n---\nlicense: mit\n");
  CHECK(said() == "CC-BY-NC-4.0 (README.md)");
  write(source / "README.md", "---\nlicense: other\nlicense_name: studio\n---\n");
  CHECK(said() == "model.licence | README.md names the licence \"other\", which is no identifier");
  write(source / "README.md", "license: mit\n");
  CHECK_THAT(said(), Catch::Contains("model.licence | no licence is named"));
  write(source / "LICENSE.txt", "\n   Apache License\nVersion 2.0\n");
  CHECK(said() == "model.licence | no licence is named; LICENSE.txt begins with \"Apache License\"");
  request.licence = "LicenseRef-studio";
  CHECK(said() == "LicenseRef-studio (--licence)");
  const auto imported = downloads.import(request);
  REQUIRE(imported.ok());
  CHECK(read(imported->directory / "LICENCE") == read(source / "LICENSE.txt"));
  CHECK_FALSE(fs::is_symlink(imported->directory / "LICENCE"));
  request.licence = "all rights reserved";
  CHECK_THAT(said(), Catch::Contains("is not an SPDX licence expression"));
}

TEST_CASE("a package's name comes from the directory's, as far as it can") {
  CHECK(package_name("/models/Wan2.1-T2V-1.3B-Diffusers/") == "wan2.1-t2v-1.3b");
  CHECK(package_name("/c/models--Wan-AI--Wan2.2-TI2V-5B-Diffusers/snapshots/0f3a") == "wan2.2-ti2v-5b");
  CHECK(package_name("/x/My  Model (final).safetensors") == "my-model-final");
  CHECK(package_name("/x/\xe6\xa8\xa1\xe5\x9e\x8b").empty());
  const Downloads downloads;
  ImportRequest request = downloads.request(downloads.diffusers("small-t2v"));
  const auto id_for = [&](const std::string& id) {
    request.id = id;
    const auto plan = plan_import(request);
    return plan.ok() ? plan->manifest.id() : plan.error().code;
  };
  CHECK(id_for("") == "small-t2v@1");
  CHECK(id_for("mine") == "mine@1");
  CHECK(id_for("mine@2.1") == "mine@2.1");
  for (const char* bad : {"Mine@1", "mine@", "@1", "a b@1", "a/b@1", "..@1", ".hidden@1", "mine@1@2"}) {
    INFO(bad);
    CHECK(id_for(bad) == "model.name");
  }
}

TEST_CASE("directories that are something else are refused with what they are") {
  const Downloads downloads;
  const auto said = [&](const fs::path& path) {
    const auto plan = plan_import(downloads.request(path));
    return plan.ok() ? "planned" : plan.error().message;
  };
  fs::create_directory(downloads.root() / "empty");
  CHECK_THAT(said(downloads.root() / "empty"), Catch::Contains("neither a model_index.json nor safetensors"));
  CHECK_THAT(said(downloads.root() / "absent"), Catch::Contains("there is no "));
  const auto imported = downloads.import(downloads.request(downloads.diffusers("small-t2v")));
  REQUIRE(imported.ok());
  CHECK_THAT(said(imported->directory), Catch::Contains("is a package already"));
  CHECK_THAT(said(downloads.root() / "small-t2v/transformer"),
             Catch::Contains("not a configuration") || Catch::Contains("not a whole model"));
}

TEST_CASE("names of parts are read, and missing parts of a set are reported") {
  CHECK(part_name("model-00002-of-00005.safetensors")->number == 2);
  CHECK(part_name("diffusion_pytorch_model-00001-of-00006.safetensors")->stem == "diffusion_pytorch_model");
  for (const char* other : {"model.safetensors", "model-2-of.safetensors", "model-of-2.safetensors",
                            "-of-3.safetensors", "model-0-of-2.safetensors", "model-3-of-2.safetensors",
                            "model-1-of-2.bin", "m-99999999999-of-99999999999.safetensors"}) {
    INFO(other);
    CHECK_FALSE(part_name(other));
  }
  CHECK(missing_parts({"a-1-of-2.safetensors", "a-2-of-2.safetensors"}).empty());
  CHECK(missing_parts({"a-1-of-3.safetensors"}) == std::vector<std::string>{"2 of 3 parts of a are missing: 2, 3"});
}

TEST_CASE("a hostile index leads nowhere") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  const fs::path index = source / "transformer/diffusion_pytorch_model.safetensors.index.json";
  for (const char* text :
       {R"({"weight_map":{"x":"../../../etc/passwd"}})", R"({"weight_map":{"x":"/etc/passwd.safetensors"}})",
        R"({"weight_map":{"x":"sub/a.safetensors"}})", R"({"weight_map":{"x":5}})", R"({"weight_map":[]})", "{}",
        R"({"weight_map":{}})", "", "\x01", R"({"weight_map":{"x":"a.bin"}})"}) {
    INFO(text);
    write(index, text);
    const auto plan = plan_import(downloads.request(source));
    REQUIRE_FALSE(plan.ok());
    CHECK(plan.error().code == "model.import");
  }
}

TEST_CASE("removing a package takes its files and nothing that it points to") {
  const Downloads downloads;
  const fs::path source = downloads.diffusers("small-t2v");
  ImportRequest request = downloads.request(source);
  request.transfer = Transfer::SymbolicLink;
  const auto imported = downloads.import(request);
  REQUIRE(imported.ok());
  const auto package = open_package(imported->directory);
  REQUIRE(package.ok());
  write(imported->directory / "notes.txt", "mine");
  const base::Status refused = remove_package(*package, OtherFiles::Refused);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == "model.other_files");
  CHECK_THAT(refused.error().message, Catch::Contains("notes.txt"));
  CHECK(fs::exists(imported->directory / "model.toml"));
  CHECK(remove_package(*package, OtherFiles::Removed).ok());
  CHECK(entries_of(downloads.packages()) == 0);
  CHECK(plan_import(request).ok());  // the source is whole
}

}  // namespace
}  // namespace framemill::models
