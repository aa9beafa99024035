// Kernels and services (systemd's RestrictSUIDSGID) that answer openat2 with ENOSYS: inputs are read all the same, links
// are followed inside the root and refused out of it. A child process gives openat2 away by a filter and tells by its exit status what it saw.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "worker/frames/root_file.h"

namespace framemill::frames {
namespace {

namespace fs = std::filesystem;

bool give_openat2_away() {
  std::array<sock_filter, 4> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{filter.size(), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// What reading `path` below `root` gives without openat2: its contents, or the error's code.
std::string read_without_openat2(const fs::path& root, const std::string& path) {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string seen = "no filter";
    if (give_openat2_away()) {
      Roots roots;
      roots.set("main", root);
      wire::InputFile input;
      input.set_root("main");
      input.set_path(path);
      const auto contents = roots.read(input, 1000);
      seen = contents.ok() ? *contents : contents.error().code;
    }
    [[maybe_unused]] const ssize_t written = ::write(pipe[1], seen.data(), seen.size());
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::array<char, 1000> buffer{};
  const ssize_t n = ::read(pipe[0], buffer.data(), buffer.size());
  ::close(pipe[0]);
  ::waitpid(child, nullptr, 0);
  return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : "";
}

TEST_CASE("where openat2 is missing, inputs are read all the same and links lead no farther") {
  std::string name = (fs::temp_directory_path() / "framemill-openat2-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  const fs::path top = name;
  fs::create_directories(top / "main/a/b");
  fs::create_directories(top / "outside");
  std::ofstream(top / "main/a/b/file") << "contents";
  std::ofstream(top / "outside/secret") << "secret";
  fs::create_directory_symlink(top / "outside", top / "main/a/way-out");
  fs::create_symlink(top / "outside/secret", top / "main/a/link");
  CHECK(read_without_openat2(top / "main", "a/b/file") == "contents");
  fs::create_directory_symlink("b", top / "main/a/latest");
  fs::create_symlink(top / "main/a/b/file", top / "main/whole-way");
  CHECK(read_without_openat2(top / "main", "a/latest/file") == "contents");
  CHECK(read_without_openat2(top / "main", "whole-way") == "contents");
  CHECK(read_without_openat2(top / "main", "a/way-out/secret") == "input.link");
  CHECK(read_without_openat2(top / "main", "a/link") == "input.link");
  CHECK(read_without_openat2(top / "main", "a/none/file") == "input_not_visible");
  fs::remove_all(top);
}

}  // namespace
}  // namespace framemill::frames
