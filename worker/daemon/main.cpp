// framemill-worker: keeps leases, supervises executors and commands, publishes, reports.
#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/service_user.h"
#include "worker/daemon/daemon.h"
#include "worker/daemon/link_check.h"
#include "worker/supervisor/keeper.h"

namespace {

using namespace framemill;

constexpr int kBadConfiguration = 78;  // EX_CONFIG of sysexits.h
constexpr int kFailed = 1;
constexpr base::Duration kLeaveWithin = base::seconds(5);  // after the last word to the scheduler

int complain(const base::Error& error, int status) {
  fmt::print(stderr, "framemill-worker: {}: {}\n", error.code, error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  {}\n", error.hint);
  return status;
}

// Two workers with one key would take each other's leases. The lock goes with the process, however that ends.
base::Result<worker::UniqueFd> lock_key(const std::filesystem::path& key_file) {
  worker::UniqueFd file(::open(key_file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return base::Error{"worker.runs_already", fmt::format("another worker runs with the key {}", key_file.string()), "",
                       "stop it first, or give this one a key of its own"};
  return file;
}

void print_plan(const worker::DaemonSetup& setup) {
  fmt::print("{} for {}\n", setup.config.name, setup.config.scheduler);
  for (const worker::Device& device : setup.host.devices)
    fmt::print("device {}: {}, {} MiB of {} MiB, {} CPUs\n", device.id, device.description,
               device.memory_bytes_budget >> 20, device.memory_bytes_total >> 20, device.cpus.size());
  for (const worker::SlotPlan& slot : setup.host.slots)
    fmt::print("slot {}: on {}, {} threads{}\n", slot.name, setup.host.devices[slot.device].id, slot.threads,
               slot.cpus.empty() ? "" : fmt::format(", CPUs {}", fmt::join(slot.cpus, ",")));
  // `framemill doctor` reads the first word.
  const std::string why = worker::describe(setup.access);
  fmt::print("confinement: {}{}\n", jobs::name(worker::command_confinement(setup.access)),
             why.empty() ? "" : fmt::format(" ({})", why));
  for (const auto& [name, path] : setup.config.roots) {
    const bool read_only = setup.config.read_only_roots.contains(name);
    const auto root = worker::RootDirectory::open(name, path);
    if (!root.ok()) {
      fmt::print("{}\n", root.error().message);  // begins with the root's name
      if (!root.error().hint.empty()) fmt::print("  {}\n", root.error().hint);
    } else if (read_only) {
      fmt::print("root {}: {}, for reading\n", name, path.string());
    } else if (!(*root)->writable()) {
      fmt::print(
          "root {}: {} cannot be written by this user: it serves inputs, and no work that writes there will come\n",
          name, path.string());
      fmt::print("  if this is intended: roots.{} = {{path = \"{}\", access = \"read\"}}\n", name, path.string());
    } else {
      fmt::print("root {}: {}\n", name, path.string());
    }
  }
}

// The end has a bound: a child or a thread that waits for storage cannot be waited for. What it does later is the work of
// an attempt that is over. The kernel keeps such a process until the storage answers, so that the key's lock is given
// back first: the next worker must not wait for it.
void leave_within(base::Duration limit, int key_file) {
  std::thread([limit, key_file] {
    std::this_thread::sleep_for(std::chrono::milliseconds(limit.ms));
    base::log_warning("worker", "ending without what still waits for storage");
    std::fflush(nullptr);
    ::flock(key_file, LOCK_UN);
    ::_exit(0);
  }).detach();
}

struct Line {
  std::string config_file = "/etc/framemill/worker.toml", user;
  bool check_only = false, check_link = false, verbose = false;
};

// Root can read what the service cannot: the check is made as the service's user.
base::Status become_service_user(const Line& line) {
  FM_ASSIGN(const auto user, base::service_user_for(line.config_file, line.user));
  if (!user) return {};
  FM_TRY(base::become(*user));
  fmt::print("checked as the user {}\n", user->name);
  return {};
}

int check(const worker::DaemonSetup& setup, const Line& line) {
  print_plan(setup);
  if (!line.check_link) return 0;
  const auto linked = worker::check_link(setup);
  if (!linked.ok()) return complain(linked.error(), kBadConfiguration);
  fmt::print("scheduler {}: {}\n", setup.config.scheduler,
             *linked == worker::LinkCheck::LetsUsIn ? "it lets this worker in" : "it does not answer");
  return 0;
}

int run(const Line& line) {
  if (line.check_only)
    if (const base::Status became = become_service_user(line); !became.ok()) return complain(became.error(), kFailed);
  const std::string& config_file = line.config_file;
  auto config = worker::read_worker_config(config_file);
  if (!config.ok()) return complain(config.error(), kBadConfiguration);
  ::umask(static_cast<mode_t>(config->umask));
  auto setup = worker::make_setup(std::move(*config));
  if (!setup.ok()) return complain(setup.error(), kBadConfiguration);
  if (line.check_only) return check(*setup, line);
  const auto lock = lock_key(setup->config.key_file);
  if (!lock.ok()) return complain(lock.error(), kFailed);
  std::signal(SIGPIPE, SIG_IGN);
  // Bytes that are no message are told of with their sender; the library's own lines would only flood the log.
  google::protobuf::SetLogHandler(nullptr);
  net::EventLoop loop;
  worker::Daemon daemon(loop, std::move(*setup));
  if (const auto started = daemon.start(); !started.ok()) return complain(started.error(), kFailed);
  loop.run();
  leave_within(daemon.storage_hangs() ? base::Duration{} : kLeaveWithin, lock->get());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (worker::is_keeper_call(argc, argv)) return worker::keeper_main(argc, argv);
  CLI::App app{
      "Framemill's worker daemon: runs what the scheduler grants on this host's devices.\n"
      "Example: framemill-worker --config /etc/framemill/worker.toml",
      "framemill-worker"};
  Line line;
  app.add_option("--config", line.config_file, "the worker's configuration")->capture_default_str();
  app.add_flag("--check-config", line.check_only,
               "check the configuration, print what would be used, and exit (78 if it is not valid)");
  app.add_flag("--check-link", line.check_link,
               "with --check-config: also try whether the scheduler lets this worker in");
  app.add_option("--user", line.user,
                 "with --check-config, as root: the user that the service runs as; default: framemill, for a file "
                 "below /etc/framemill");
  app.add_flag("--verbose", line.verbose, "log more");
  app.set_version_flag("--version", std::string("framemill-worker ") + FRAMEMILL_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (line.verbose) framemill::base::set_log_level(framemill::base::LogLevel::Debug);
  return run(line);
}
