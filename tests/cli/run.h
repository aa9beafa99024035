// One run of the program inside the test, with its own home directory and streams that are strings.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "framemill-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& text, unsigned mode = 0644) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    return file;
  }

 private:
  std::filesystem::path path_;
};

struct Outcome {
  int code = -1;
  std::string out, err;
};

struct Program {
  TemporaryDirectory home;
  std::map<std::string, std::string> environment;
  std::string input;
  Terminal terminal;
  std::function<bool()> keep_going = [] { return true; };

  Program() { environment["HOME"] = home.path().string(); }
  explicit Program(const std::string& server) : Program() { environment["FRAMEMILL_SERVER"] = server; }

  Outcome run(const std::vector<std::string>& arguments) {
    std::ostringstream out, err;
    std::istringstream in(input);
    Host host{out,
              err,
              in,
              terminal,
              -1,
              [this](const char* name) {
                const auto found = environment.find(name);
                return found == environment.end() ? std::string() : found->second;
              },
              keep_going,
              FRAMEMILL_BIN_DIR};
    const int code = run_program(arguments, host, declare_verbs);
    return {code, out.str(), err.str()};
  }
};

}  // namespace framemill::cli::testing
