#include "base/service_user.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>

namespace framemill::base {
namespace {

// Whoever becomes another user stays so: in a child.
bool holds_in_child(const std::function<bool()>& claim) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(claim() ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("a configuration elsewhere than in /etc/framemill is judged as the caller, unless a user is named") {
  CHECK_FALSE(service_user_for("/srv/farm/scheduler.toml", "").value());
  CHECK_FALSE(service_user_for("/etc/framemill/../farm.toml", "").value());
  CHECK(service_user_for("farm.toml", "no-such-user-here").error().code == "user.unknown");
  if (::geteuid() != 0) {
    CHECK(service_user_for("farm.toml", "root").error().code == "user.not_root");
    return;
  }
  CHECK_FALSE(service_user_for("farm.toml", "root").value());
  const auto user = service_user_for("farm.toml", "nobody").value();
  REQUIRE(user);
  CHECK(user->name == "nobody");
  CHECK(user->uid != 0);
}

TEST_CASE("what root may read, the service's user may not, once root has become that user") {
  if (::geteuid() != 0) return;
  const ServiceUser nobody = service_user_for("farm.toml", "nobody").value().value();
  char name[] = "/tmp/framemill-user-XXXXXX";
  const int file = ::mkstemp(name);
  REQUIRE(file >= 0);
  ::close(file);
  CHECK(holds_in_child([&] { return ::open(name, O_RDONLY | O_CLOEXEC) >= 0; }));
  CHECK(holds_in_child([&] {
    return become(nobody).ok() && ::geteuid() == nobody.uid && ::getegid() == nobody.gid && ::setuid(0) != 0 &&
           ::open(name, O_RDONLY | O_CLOEXEC) < 0;
  }));
  ::unlink(name);
}

}  // namespace framemill::base
