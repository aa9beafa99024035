#include "worker/supervisor/confinement.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>

#include "base/clock.h"
#include "base/file.h"
#include "tests/worker/scratch.h"
#include "worker/supervisor/child_access.h"
#include "worker/supervisor/child_process.h"
#include "worker/supervisor/child_runner.h"
#include "worker/supervisor/publisher.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

using namespace scratch;

const ConfinementSupport& support() {
  static const ConfinementSupport probed = probe_confinement();
  return probed;
}

// A worker's host: its secrets, a root with another job's files, an attempt whose program runs confined.
struct Host {
  explicit Host(bool mount_view = support().mount_view) {
    area.write("etc/worker.key", "secret");
    area.write("etc/scheduler/store.db", "everything");
    area.write("main/show/frame.exr", "published");
    area.write("elsewhere/file", "not the farm's");
    area.write("tools/list.txt", "listed");
    REQUIRE(prepare_staging(*root, attempt(1), grant(1), "key").ok());
    REQUIRE(prepare_staging(*root, attempt(2), grant(2), "key").ok());
    area.write("main/" + staging_path(attempt(2)) + "/out/frame.exr", "another job's");
    fs::create_directory(staging() / "tmp");
    policy.mode = ConfinementMode::Required;
    policy.support = support();
    policy.support.mount_view = mount_view;
    policy.hidden = {area.directory / "etc"};
    policy.programs = {FRAMEMILL_BIN_DIR "/hostile-program"};
    policy.read = {area.directory / "tools"};
  }
  fs::path staging(int number = 1) const {
    return root->path() / staging_path(attempt(static_cast<std::uint64_t>(number)));
  }
  // What the shell script printed; $F is the test's directory, $S the staging directory. Its exit status is `status`.
  std::string run(const std::string& script) {
    ChildSettings settings;
    settings.keeper = FRAMEMILL_BIN_DIR "/test-keeper";
    settings.spawn.argv = {"/bin/sh", "-c", script};
    settings.spawn.environment = {"PATH=/usr/bin:/bin", "F=" + area.directory.string(), "S=" + staging().string()};
    settings.spawn.directory = staging();
    settings.confinement =
        plan ? plan : command_confinement(policy, {{"main", root}}, *staging_tree(*root, attempt(1)));
    std::optional<ProcessEnd> end;
    std::string said;
    const auto on_end = [&](const ProcessEnd& e, const OutputTail& tail) {
      end = e;
      said = tail.text();
    };
    auto child = ChildProcess::start(loop, std::move(settings), {{}, {}, on_end});
    REQUIRE(child.ok());
    const base::Instant until = base::monotonic_now() + base::seconds(20);
    while (!end && base::monotonic_now() < until) loop.run_for(base::milliseconds(10));
    REQUIRE(end);
    status = end->exit_status;
    return said;
  }
  Scratch area;
  std::shared_ptr<const RootDirectory> root = area.root();
  net::EventLoop loop;
  AccessPolicy policy;
  std::optional<Confinement> plan;
  int status = -1;
};

// Without Landlock nothing here can hold; the daemon refuses commands then (below).
bool kernel_confines() {
  if (support().landlock_abi > 0) return true;
  WARN("this kernel has no Landlock: not tested");
  return false;
}

TEST_CASE("what a program may touch is handed over whole or not at all, wherever it is cut") {
  Confinement plan;
  plan.user = JobUser{"render jobs", 1001, 1002};
  plan.access.level = 3;
  plan.access.read = {"/usr", "/mnt/50% done"};
  plan.access.write = {{"/srv/main/.framemill/attempts/7", 5, 77}};
  plan.access.hidden = {"/etc/framemill"};
  std::string whole(4096, '\0');
  const UniqueFd written = hand_over(plan).value();
  whole.resize(static_cast<std::size_t>(::pread(written.get(), whole.data(), whole.size(), 0)));
  const int kept = ::fcntl(kConfinementDescriptor, F_DUPFD_CLOEXEC, 10);  // whatever has that number here
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const UniqueFd part(::memfd_create("part", MFD_CLOEXEC));
    REQUIRE(::write(part.get(), whole.data(), size) == static_cast<ssize_t>(size));
    REQUIRE(::dup2(part.get(), kConfinementDescriptor) == kConfinementDescriptor);
    const auto taken = take_over_confinement();
    INFO(size << " of " << whole.size() << " bytes");
    REQUIRE(taken.ok() == (size == whole.size()));
    if (!taken.ok()) continue;
    CHECK(taken->landlock);
    CHECK_FALSE(taken->mount_view);
    CHECK(taken->user == plan.user);
    CHECK(taken->access.level == 3);
    CHECK(taken->access.read == plan.access.read);
    CHECK(taken->access.hidden == plan.access.hidden);
    REQUIRE(taken->access.write.size() == 1);
    CHECK(taken->access.write[0].path == plan.access.write[0].path);
    CHECK(taken->access.write[0].inode == 77);
  }
  if (kept >= 0) ::dup2(kept, kConfinementDescriptor);
  if (kept >= 0) ::close(kept);
}

TEST_CASE("a command reads the system, what is listed and the roots, and nothing of the daemons") {
  if (!kernel_confines()) return;
  Host host;
  CHECK(host.run("cat $F/main/show/frame.exr $F/tools/list.txt && cat /etc/passwd >/dev/null && ls $S >/dev/null") ==
        "publishedlisted");
  CHECK(host.status == 0);
  for (const char* attempted : {"cat $F/etc/worker.key", "cat $F/etc/scheduler/store.db", "cat $F/elsewhere/file",
                                "ls $F/etc", "ls $F/main/.framemill/attempts", "cp $F/etc/worker.key $S/out"}) {
    INFO(attempted);
    const std::string said = host.run(attempted);
    CHECK(said.find("secret") == std::string::npos);
    CHECK(said.find("everything") == std::string::npos);
    CHECK(said.find("not the farm's") == std::string::npos);
    CHECK(said.find("Permission denied") != std::string::npos);
    CHECK(host.status != 0);
  }
  CHECK(host.run("cat " + (host.staging(2) / "out/frame.exr").string()).find("another job's") == std::string::npos);
  // By way of a link of its own as little.
  CHECK(host.run("ln -s $F/etc/worker.key k && cat k").find("secret") == std::string::npos);
}

TEST_CASE("a command writes its staging directory, its temporary files and shared memory of its own") {
  if (!kernel_confines()) return;
  Host host;
  CHECK(host.run("mkdir -p out/d && echo x > out/d/f && ln out/d/f out/g && mv out/g out/h && chmod 600 out/h && "
                 "touch -d 2001-01-01 out/h && echo t > tmp/t && rm tmp/t && echo > /dev/null && cat out/h") == "x\n");
  CHECK(host.status == 0);
  CHECK(host.area.read("main/" + staging_path(attempt(1)) + "/out/h") == "x\n");
  if (!host.policy.support.mount_view) return;
  CHECK(host.run("echo m > /dev/shm/framemill-test && cat /dev/shm/framemill-test") == "m\n");
  CHECK_FALSE(fs::exists("/dev/shm/framemill-test"));
}

TEST_CASE("a command cannot create, change or delete anything outside its staging directory") {
  if (!kernel_confines()) return;
  Host host;
  const fs::path frame = host.area.directory / "main/show/frame.exr";
  struct stat before{};
  REQUIRE(::stat(frame.c_str(), &before) == 0);
  std::vector<std::string> tries{"echo forged > $F/main/show/frame.exr",
                                 "echo more >> $F/main/show/frame.exr",
                                 "rm -f $F/main/show/frame.exr",
                                 "mv $F/main/show/frame.exr $S/out",
                                 "ln $F/main/show/frame.exr $S/mine",
                                 "mv $F/main/show $F/main/away",
                                 "mkdir $F/main/new",
                                 "ln -s /etc $F/main/link",
                                 "echo x > /tmp/framemill-confinement-test",
                                 "echo x > $F/etc/worker.key",
                                 "echo x > " + (host.staging(2) / "out/frame.exr").string(),
                                 "rm -r " + host.staging(2).string()};
  if (support().landlock_abi >= kLandlockAbiTruncation || support().mount_view)
    tries.emplace_back("truncate -s 0 $F/main/show/frame.exr");
  if (support().mount_view)
    for (const char* change : {"chmod 000 $F/main/show/frame.exr", "touch -c -d 2001-01-01 $F/main/show/frame.exr",
                               "chmod 000 $F/main/show", "chgrp 1 $F/main/show/frame.exr"})
      tries.emplace_back(change);
  for (const std::string& attempted : tries) {
    INFO(attempted);
    host.run(attempted + " 2>/dev/null");
    CHECK(host.status != 0);
    struct stat after{};
    REQUIRE(::stat(frame.c_str(), &after) == 0);
    CHECK((after.st_mode == before.st_mode && after.st_size == before.st_size && after.st_nlink == 1 &&
           after.st_gid == before.st_gid && after.st_mtim.tv_sec == before.st_mtim.tv_sec));
    CHECK(host.area.read("main/show/frame.exr") == "published");
    CHECK(host.area.read("etc/worker.key") == "secret");
    CHECK(host.area.read("main/" + staging_path(attempt(2)) + "/out/frame.exr") == "another job's");
    CHECK_FALSE(fs::exists("/tmp/framemill-confinement-test"));
    CHECK_FALSE(fs::exists(host.area.directory / "main/new"));
  }
}

TEST_CASE("a command neither traces nor signals the worker, and holds none of its descriptors") {
  if (!kernel_confines()) return;
  Host host;
  const std::string said = host.run(FRAMEMILL_BIN_DIR "/hostile-program " + std::to_string(::getpid()));
  INFO(said);
  CHECK(host.status == 0);
  CHECK(said == (support().landlock_abi >= kLandlockAbiSignals ? "tried\n" : "signal\ntried\n"));
  // Nor the keeper, without which what it started would live on.
  if (support().landlock_abi >= kLandlockAbiSignals) {
    host.run("kill -9 $PPID");
    CHECK(host.status == 1);
  }
  CHECK(host.run("cat /proc/" + std::to_string(::getpid()) + "/environ").find("PATH=") == std::string::npos);
}

TEST_CASE("a staging directory that was exchanged for another one is not entered") {
  if (!kernel_confines()) return;
  Host host;
  host.plan = command_confinement(host.policy, {{"main", host.root}}, *staging_tree(*host.root, attempt(1)));
  fs::rename(host.staging(), host.area.directory / "moved");
  fs::create_directory(host.area.directory / "outside");
  fs::create_directory_symlink(host.area.directory / "outside", host.staging());
  const std::string said = host.run("echo x > f");
  CHECK(host.status != 0);
  CHECK(said.find("was exchanged for another directory") != std::string::npos);
  CHECK(fs::is_empty(host.area.directory / "outside"));
}

TEST_CASE("a link put in the way while a command runs leads it nowhere") {
  if (!kernel_confines()) return;
  Host host;
  fs::create_directory_symlink(host.area.directory / "elsewhere", host.staging() / "swapped");
  host.run("echo x > $S/swapped/new");
  CHECK(host.status != 0);
  CHECK_FALSE(fs::exists(host.area.directory / "elsewhere/new"));
}

TEST_CASE("what [confinement] write names can be written, and the rest of its neighbourhood cannot") {
  if (!kernel_confines()) return;
  Host host;
  fs::create_directory(host.area.directory / "cache");
  host.policy.write = {host.area.directory / "cache"};
  CHECK(host.run("echo c > $F/cache/c && cat $F/cache/c") == "c\n");
  host.run("echo c > $F/c");
  CHECK(host.status != 0);
}

TEST_CASE("Landlock alone keeps contents and names, where the kernel grants no view") {
  if (!kernel_confines()) return;
  Host host(false);
  host.run("echo forged > $F/main/show/frame.exr");
  CHECK(host.status != 0);
  CHECK(host.run("echo x > out && cat out") == "x\n");
  CHECK(host.run("cat $F/etc/worker.key").find("secret") == std::string::npos);
  CHECK(host.area.read("main/show/frame.exr") == "published");
}

TEST_CASE("on kernels with less of Landlock the view holds what is missing, and commands work all the same") {
  if (!kernel_confines() || !support().mount_view) return;
  for (const int level : {1, 2, 3}) {
    INFO("level " << level);
    Host host;
    host.policy.support.landlock_abi = level;
    CHECK_FALSE(refuses_commands(host.policy));
    // Truncation is not kept from below level 3, and moving a file from one directory to another not allowed at level 1.
    host.run("perl -e 'truncate($ARGV[0], 0) or exit 1' $F/main/show/frame.exr");
    CHECK(host.status != 0);
    host.run("mv $F/main/show/frame.exr $S/taken");
    CHECK(host.area.read("main/show/frame.exr") == "published");
    CHECK(host.run("mkdir a b && echo x > a/f && mv a/f b/f && cat b/f") == "x\n");
    CHECK(host.run("cat $F/etc/worker.key").find("secret") == std::string::npos);
  }
}

TEST_CASE("what Landlock alone would let through on an older kernel is why commands are refused there") {
  if (!kernel_confines()) return;
  Host host;
  host.policy.support.landlock_abi = 2;
  // Below level 3 Landlock alone lets a program cut files that it may read: such a kernel needs the view, or a user.
  host.policy.support.mount_view = false;
  CHECK(refuses_commands(host.policy));
  host.run("perl -e 'truncate($ARGV[0], 0) or exit 1' $F/main/show/frame.exr");
  CHECK(host.area.read("main/show/frame.exr").empty());  // why it is refused
}

// As a daemon has it: a user of its own with the three capabilities, and no more.
bool become_worker_user() {
  constexpr uid_t kDaemon = 1;
  constexpr std::uint32_t kHeld = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_KILL;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, 2> held{{{kHeld, kHeld, kHeld}, {0, 0, 0}}};
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::setgroups(0, nullptr) != 0 ||
      ::setresgid(kDaemon, kDaemon, kDaemon) != 0 || ::setresuid(kDaemon, kDaemon, kDaemon) != 0 ||
      ::syscall(SYS_capset, &header, held.data()) != 0)
    return false;
  for (const int capability : {CAP_SETUID, CAP_SETGID, CAP_KILL})
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return false;
  return true;
}

// What went wrong, or 0, in a worker of its own user whose command runs as nobody.
int run_as_another_user(const fs::path& place) {
  ::umask(027);
  if (!become_worker_user()) return 1;
  fs::create_directory(place / "main");
  std::ofstream(place / "main/.framemill-root") << "name = \"main\"\n";
  fs::permissions(place / "main", fs::perms(0755));
  const auto root = RootDirectory::open("main", place / "main");
  if (!root.ok() || !prepare_staging(**root, attempt(1), grant(1), "key").ok()) return 2;
  wire::Grant granted = grant(1);
  wire::Recipe& recipe = *granted.mutable_recipe();
  recipe.set_frames("1");
  recipe.set_frames_per_task(1);
  recipe.set_output_printf("shot/c.%04d.txt");
  for (const char* word : {"sh", "-c",
                           "umask 077; id -u > $(printf \"$1\" 1); mkdir -m 700 tmp/deep; echo > tmp/deep/f; "
                           "chmod 600 $(printf \"$1\" 1); setsid sleep 1000 & true",
                           "x", "{output}"})
    recipe.mutable_command()->add_argv(word);
  ChildRunnerSettings settings;
  settings.keeper = FRAMEMILL_BIN_DIR "/test-keeper";
  settings.commands = {{"sh", "/bin/sh"}};
  settings.environment = allowed_environment({});
  settings.access.mode = ConfinementMode::Required;
  settings.access.support = probe_confinement();
  settings.access.user = JobUser{"nobody", 65534, 65534};
  if (!may_run_as(*settings.access.user).ok()) return 3;
  net::EventLoop loop;
  IoThread io;
  std::optional<EndedAttempt> ended;
  std::optional<FinishedTask> finished;
  const auto runner = ChildRunner::start(
      loop, io, {{"main", *root}}, settings, granted, {0, 1},
      {[](const AttemptId&, const Progress&) {}, [](const AttemptId&, const std::string&) {},
       [&](FinishedTask t) { finished = std::move(t); }, [&](EndedAttempt e) { ended = std::move(e); }});
  const base::Instant until = base::monotonic_now() + base::seconds(20);
  while (!ended && base::monotonic_now() < until) loop.run_for(base::milliseconds(10));
  if (!ended || !finished) {
    if (ended) std::fprintf(stderr, "%s: %s\n", ended->code.c_str(), ended->text.c_str());
    return 4;
  }
  wire::FinishedTask task;
  wire::PublishOrder order;
  *order.mutable_attempt() = granted.attempt();
  if (!task.ParseFromString(finished->message) || task.files_size() != 1) return 5;
  *order.add_files() = task.files(0);
  if (const auto published = publish(**root, order, {}); !published.ok()) {
    std::fprintf(stderr, "%s\n", published.error().message.c_str());
    return 6;
  }
  const fs::path frame = place / "main/shot/c.0001.txt";
  std::ifstream file(frame);
  std::string who;
  std::getline(file, who);
  if (who != "65534") return 7;
  struct stat facts{};
  if (::stat(frame.c_str(), &facts) != 0 || facts.st_uid != ::geteuid() || (facts.st_mode & 0777) != 0640) return 8;
  if (::getxattr(frame.c_str(), "system.posix_acl_access", nullptr, 0) > 0) return 9;
  return sweep_staging(**root, attempt(1)).ok() && !fs::exists(place / "main" / staging_path(attempt(1))) ? 0 : 10;
}

TEST_CASE("a command may run as another user: what it wrote is linked, belongs to the worker and can be swept") {
  if (!kernel_confines()) return;
  if (::geteuid() != 0) {
    WARN("only root can try this");
    return;
  }
  const auto links = base::read_file("/proc/sys/fs/protected_hardlinks", 16);
  CHECK((links.ok() && links->starts_with("1")));  // as Debian has it
  const Scratch area;
  fs::permissions(area.directory, fs::perms(0777));
  const pid_t worker = ::fork();
  if (worker == 0) ::_exit(run_as_another_user(area.directory));
  int status = -1;
  ::waitpid(worker, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("commands are refused where nothing can be enforced, unless the site allows it") {
  AccessPolicy policy;
  policy.mode = ConfinementMode::Required;
  policy.support = {0, true};
  CHECK(refuses_commands(policy));
  policy.support = {2, false};  // modes and times of what can be read could be changed
  CHECK(refuses_commands(policy));
  CHECK(command_confinement(policy) == jobs::CommandConfinement::Refused);
  CHECK(describe(policy) == "Landlock 2, no read-only view, signals not confined");
  policy.user = JobUser{"job", 1000, 1000};
  CHECK_FALSE(refuses_commands(policy));
  policy.user.reset();
  policy.support = {2, true};
  CHECK_FALSE(refuses_commands(policy));
  CHECK(command_confinement(policy) == jobs::CommandConfinement::Enforced);
  policy.support = {0, false};
  policy.mode = ConfinementMode::BestEffort;
  CHECK_FALSE(refuses_commands(policy));
  CHECK(command_confinement(policy) == jobs::CommandConfinement::Incomplete);
  CHECK(describe(policy) == "no Landlock, no read-only view, signals not confined");
  const Scratch area;
  const auto root = area.root();
  const auto plan = command_confinement(policy, {{"main", root}}, {"/nowhere"});
  CHECK((plan && !plan->landlock && !plan->mount_view));
  policy.mode = ConfinementMode::Off;
  CHECK_FALSE(refuses_commands(policy));
  CHECK_FALSE(command_confinement(policy, {{"main", root}}, {"/nowhere"}));
}

}  // namespace
}  // namespace framemill::worker
