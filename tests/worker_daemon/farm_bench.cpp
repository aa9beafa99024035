#include "tests/worker_daemon/farm_bench.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/clock.h"
#include "base/sha256.h"
#include "wire/limits.h"

namespace framemill::worker::bench {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

FarmBench::FarmBench() : scheduler_keys_(net::make_curve_key_pair()), worker_keys_(net::make_curve_key_pair()) {
  std::string name = (fs::temp_directory_path() / "framemill-daemon-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  directory_ = name;
  fs::create_directory(directory_ + "/frames");
  write(directory_ + "/frames/.framemill-root", "name = \"main\"\n");
  REQUIRE(net::write_key_pair(directory_ + "/w1.key", worker_keys_).ok());
  write(directory_ + "/scheduler.pub", net::public_key_line(scheduler_keys_.public_key, ""));
  open_router();
}

FarmBench::~FarmBench() {
  if (worker_ > 0) {
    ::kill(worker_, SIGKILL);
    ::waitpid(worker_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void FarmBench::open_router() {
  net::SecureRouterOptions options;
  options.endpoint = endpoint_;
  options.keys = scheduler_keys_;
  options.allowed = {worker_keys_.public_key};
  auto router = net::SecureRouter::open(loop_, options, [this](const net::PeerMessage& message) {
    wire::WorkerReport report;
    REQUIRE(report.ParseFromArray(message.bytes.data(), static_cast<int>(message.bytes.size())));
    on_report(message.peer, report);
  });
  REQUIRE(router.ok());
  router_ = std::move(*router);
  endpoint_ = router_->endpoint();
}

void FarmBench::write_config() {
  write(directory_ + "/worker.toml", fmt::format(R"(name = "w1"
scheduler = "{}"
scheduler_key_file = "scheduler.pub"
key_file = "w1.key"
executor = "{}/faulty-executor"
drain_timeout = "{}"
hang_timeout = "3s"
{}
[roots]
main = "frames"
[commands]
sh = "/bin/sh"
[[device]]
name = "cpu0"
memory = "1GiB"
[[slot]]
name = "cpu0"
device = "cpu0"
threads = 1
)",
                                                 endpoint_, FRAMEMILL_BIN_DIR, drain_timeout, extra_config));
}

void FarmBench::start_worker() {
  write_config();
  const int log = ::open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  worker_ = ::fork();
  if (worker_ == 0) {
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::execl(FRAMEMILL_BIN_DIR "/framemill-worker", "framemill-worker", "--verbose", "--config",
            (directory_ + "/worker.toml").c_str(), nullptr);
    ::_exit(127);
  }
  ::close(log);
}

void FarmBench::signal_worker(int number) {
  ::kill(worker_, number);
}

int FarmBench::wait_worker() {
  int status = 0;
  const bool ended_in_time = wait([&] { return ::waitpid(worker_, &status, WNOHANG) == worker_; });
  INFO(log());
  REQUIRE(ended_in_time);
  worker_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::vector<pid_t> FarmBench::children_of(pid_t parent) const {
  std::vector<pid_t> found;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    std::getline(file, stat);
    const std::size_t name_end = stat.rfind(')');
    int its_parent = 0;
    char state = 0;
    if (pid > 0 && name_end != std::string::npos &&
        std::sscanf(stat.c_str() + name_end + 1, " %c %d", &state, &its_parent) == 2 && its_parent == parent &&
        state != 'Z')
      found.push_back(pid);
  }
  return found;
}

wire::Grant FarmBench::generate(std::uint64_t counter, const std::string& prompt, std::uint32_t tasks) const {
  wire::Grant grant;
  grant.mutable_attempt()->set_epoch(1);
  grant.mutable_attempt()->set_epoch_nonce(42);
  grant.mutable_attempt()->set_counter(counter);
  grant.mutable_tasks()->set_job(1);
  grant.mutable_tasks()->set_count(tasks);
  grant.set_lease_ttl_ms(120'000);
  grant.set_booking_bytes(1 << 20);
  grant.set_batch_max(4);
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_show("harbor");
  recipe.set_shot("hb_0010");
  recipe.set_layer("boards");
  recipe.set_seed(counter);
  recipe.set_version(1);
  recipe.set_reproducibility("stable");
  recipe.set_root("main");
  recipe.set_output_printf(fmt::format(".framemill/latents/1/0/{}", counter));
  wire::Grid& grid = *recipe.mutable_grid();
  grid.set_origin(1001);
  grid.set_window_frames(4);
  grid.set_time_ratio_mul(1);
  grid.set_window_count(tasks);
  wire::WindowSpan& span = *recipe.add_windows();
  span.set_count(tasks);
  wire::GenerateRecipe& work = *recipe.mutable_generate();
  work.set_model("fake@1");
  const base::Sha256 digest = base::sha256("fake@1");
  work.set_model_digest(digest.bytes.data(), digest.bytes.size());
  work.set_prompt(prompt);
  work.set_steps(4);
  work.set_guidance(1);
  work.set_format("png");
  work.set_part(wire::GenerateRecipe::DENOISE);
  return grant;
}

wire::Grant FarmBench::command(std::uint64_t counter, const std::string& script) const {
  wire::Grant grant = generate(counter, "");
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_frames("1001");
  recipe.set_frames_per_task(1);
  recipe.set_output_printf(fmt::format("shot/c{}.%04d.txt", counter));
  wire::CommandRecipe& work = *recipe.mutable_command();
  for (const char* argument : {"sh", "-c", script.c_str(), "x", "{output}"}) work.add_argv(argument);
  return grant;
}

void FarmBench::revoke(const wire::Grant& grant, const std::string& reason) {
  wire::Revoke revoke;
  *revoke.mutable_attempt() = grant.attempt();
  revoke.set_reason(reason);
  revokes_.push_back(std::move(revoke));
}

void FarmBench::on_report(net::PeerId peer, const wire::WorkerReport& report) {
  last_report = report;
  incarnation = report.incarnation();
  draining = report.draining();
  if (report.has_inventory()) {
    inventory = report.inventory();
    usable = inventory.slots_size() > 0 && inventory.slots(0).usable();
  }
  for (const wire::EndedAttempt& one : report.ended()) ends[one.attempt().counter()] = one;
  for (const wire::FinishedTask& task : report.finished()) {
    const auto key = std::pair(task.attempt().counter(), task.task());
    if (!finished.emplace(key, task).second || !publish) continue;
    wire::PublishOrder& order = to_publish_[key];
    *order.mutable_attempt() = task.attempt();
    order.mutable_tasks()->set_job(task.job());
    order.mutable_tasks()->set_phase(task.phase());
    order.mutable_tasks()->set_first(task.task());
    order.mutable_tasks()->set_count(1);
    order.set_root("main");
    *order.mutable_files() = task.files();
  }
  published += static_cast<std::size_t>(report.published_size());
  if (!acknowledge) return;
  wire::SchedulerReply reply;
  reply.set_protocol(wire::kProtocolVersion);
  reply.set_epoch(1);
  reply.set_epoch_nonce(42);
  reply.set_incarnation(report.incarnation());
  reply.set_acked_report(report.sequence());
  reply.set_lease_proof(true);
  reply.set_next_report_ms(100);
  if (usable)
    for (wire::Grant& grant : std::exchange(pending_, {})) *reply.add_grants() = std::move(grant);
  for (wire::Revoke& revoke : std::exchange(revokes_, {})) *reply.add_revokes() = std::move(revoke);
  for (auto& [key, order] : std::exchange(to_publish_, {})) *reply.add_publish() = std::move(order);
  (void)router_->send(peer, reply.SerializeAsString()).ok();  // a worker that was just killed hears nothing
}

bool FarmBench::wait(const std::function<bool()>& condition, int seconds) {
  const base::Instant until = base::monotonic_now() + base::seconds(seconds);
  while (!condition()) {  // asked once per round: reaping a process is true only once
    if (base::monotonic_now() >= until) return false;
    loop_.run_for(base::milliseconds(10));
  }
  return true;
}

bool FarmBench::wait_usable() {
  return wait([this] { return usable; });
}

const wire::EndedAttempt* FarmBench::ended(std::uint64_t counter) const {
  const auto it = ends.find(counter);
  return it == ends.end() ? nullptr : &it->second;
}

bool FarmBench::file_exists(const std::string& in_root) const {
  return fs::exists(fs::path(directory_) / "frames" / in_root);
}

std::string FarmBench::log() const {
  std::ifstream file(directory_ + "/log");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace framemill::worker::bench
