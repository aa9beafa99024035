// A directory of a test's own, with roots in it; gone afterwards.
#pragma once

#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "jobs/ids.h"
#include "wire/farm.pb.h"
#include "worker/supervisor/root_directory.h"

namespace framemill::worker::scratch {

namespace fs = std::filesystem;

struct Scratch {
  Scratch() {
    std::string name = (fs::temp_directory_path() / "framemill-worker-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    directory = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::shared_ptr<const RootDirectory> root(const std::string& name = "main") const {
    fs::create_directory(directory / name);
    write(name + "/.framemill-root", "name = \"" + name + "\"\n");
    auto opened = RootDirectory::open(name, directory / name);
    REQUIRE(opened.ok());
    return *opened;
  }
  void write(const fs::path& relative, const std::string& contents) const {
    fs::create_directories((directory / relative).parent_path());
    std::ofstream(directory / relative) << contents;
  }
  std::string read(const fs::path& relative) const {
    std::ifstream file(directory / relative);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  fs::path directory;
};

inline jobs::AttemptId attempt(std::uint64_t counter) {
  return {{3, 0xabcd}, counter};
}
inline wire::Grant grant(std::uint64_t counter) {
  wire::Grant out;
  out.mutable_attempt()->set_epoch(3);
  out.mutable_attempt()->set_epoch_nonce(0xabcd);
  out.mutable_attempt()->set_counter(counter);
  out.mutable_tasks()->set_job(5);
  out.mutable_tasks()->set_count(1);
  out.mutable_recipe()->set_root("main");
  return out;
}
inline std::string raw_digest(const std::string& contents) {
  const base::Sha256 digest = base::sha256(contents);
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

}  // namespace framemill::worker::scratch
