#include "tests/executor/executor_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "worker/executor/message_pipe.h"

namespace framemill::tests {

namespace fs = std::filesystem;

FarmDirectory::FarmDirectory()
    : path(fs::temp_directory_path() / ("framemill-executor-" + std::to_string(base::random_u64()))),
      root(path / "root") {
  fs::create_directories(root);
}
FarmDirectory::~FarmDirectory() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

fs::path FarmDirectory::staging(std::uint64_t attempt) const {
  const fs::path directory = root / ".framemill/attempts" / std::to_string(attempt);
  fs::create_directories(directory);
  return directory;
}

void FarmDirectory::publish(std::uint64_t attempt, const std::vector<wire::FinishedTask>& tasks) const {
  for (const auto& task : tasks) {
    for (const auto& file : task.files()) {
      fs::create_directories((root / file.path()).parent_path());
      fs::create_hard_link(staging(attempt) / file.staged(), root / file.path());
    }
  }
}

ExecutorProcess::ExecutorProcess(const std::string& program) {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const std::string path = FRAMEMILL_BIN_DIR "/" + program;
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (ends[1] == 3)
      ::fcntl(3, F_SETFD, 0);
    else
      ::dup2(ends[1], 3);
    ::execl(path.c_str(), path.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  fd_ = ends[0];
}

ExecutorProcess::~ExecutorProcess() {
  close();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void ExecutorProcess::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

int ExecutorProcess::wait_status() {
  for (int i = 0; i < 3000; ++i) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return status;
    }
    ::usleep(10'000);
  }
  FAIL("the executor did not end");
  return -1;
}

void ExecutorProcess::send(const wire::ToExecutor& message) {
  REQUIRE(worker::MessagePipe(fd_).write(message.SerializeAsString()).ok());
}

void ExecutorProcess::send_bytes(const std::string& bytes) {
  REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

wire::FromExecutor ExecutorProcess::receive(bool chatter) {
  while (true) {
    pollfd waiting{fd_, POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 30'000) == 1);
    const auto bytes = worker::MessagePipe(fd_).read();
    REQUIRE(bytes.ok());
    if (!bytes->has_value()) FAIL("the executor closed its end");
    wire::FromExecutor message;
    REQUIRE(message.ParseFromString(**bytes));
    if (chatter || !(message.has_alive() || message.has_progress())) return message;
  }
}

wire::ExecutorReady ExecutorProcess::configure(const FarmDirectory& farm, std::uint64_t memory_bytes_budget,
                                               const std::vector<std::string>& model_directories,
                                               std::uint32_t threads) {
  wire::ToExecutor message;
  wire::Configure& configure = *message.mutable_configure();
  configure.set_slot("cpu0");
  configure.set_device_kind("cpu");
  configure.set_threads(threads);
  configure.set_memory_bytes_budget(memory_bytes_budget);
  configure.set_umask(022);
  for (const auto& directory : model_directories) configure.add_model_directories(directory);
  auto& root = *configure.add_roots();
  root.set_name("main");
  root.set_path(farm.root.string());
  send(message);
  const auto answer = receive();
  REQUIRE(answer.has_ready());
  return answer.ready();
}

void ExecutorProcess::start(const wire::Grant& grant, const FarmDirectory& farm) {
  wire::ToExecutor message;
  *message.mutable_start()->mutable_grant() = grant;
  message.mutable_start()->set_staging_directory(farm.staging(grant.attempt().counter()).string());
  send(message);
}

void ExecutorProcess::cancel(const wire::Grant& grant, bool keep_finished) {
  wire::ToExecutor message;
  *message.mutable_cancel()->mutable_attempt() = grant.attempt();
  message.mutable_cancel()->set_keep_finished(keep_finished);
  send(message);
}

std::map<std::uint64_t, ExecutorProcess::Outcome> ExecutorProcess::run_to_end(std::size_t attempts) {
  std::map<std::uint64_t, Outcome> outcomes;
  std::size_t ended = 0;
  while (ended < attempts) {
    auto message = receive();
    if (message.has_finished()) {
      outcomes[message.finished().attempt().counter()].finished.push_back(message.finished());
    } else {
      REQUIRE(message.has_ended());
      outcomes[message.ended().attempt().counter()].ended = message.ended();
      ++ended;
    }
  }
  return outcomes;
}

ExecutorProcess::Outcome ExecutorProcess::run(const wire::Grant& grant, const FarmDirectory& farm) {
  start(grant, farm);
  return run_to_end(1).at(grant.attempt().counter());
}

wire::Grant make_grant(const GrantSpec& spec) {
  wire::Grant grant;
  grant.mutable_attempt()->set_epoch(1);
  grant.mutable_attempt()->set_counter(spec.attempt);
  grant.mutable_tasks()->set_job(spec.job);
  grant.mutable_tasks()->set_phase(spec.phase);
  grant.mutable_tasks()->set_first(spec.first);
  grant.mutable_tasks()->set_count(spec.count);
  grant.set_batch_max(spec.batch_max);
  wire::Recipe& recipe = *grant.mutable_recipe();
  recipe.set_show(spec.show);
  recipe.set_sequence("hb");
  recipe.set_shot("hb_0010");
  recipe.set_layer("comp");
  recipe.set_seed(spec.seed);
  recipe.set_version(1);
  recipe.set_reproducibility(spec.reproducibility);
  recipe.set_root("main");
  recipe.set_output_printf("out/hb_0010_comp.%04d." + spec.format);
  recipe.set_frames(spec.decode ? spec.frames : "");
  auto& grid = *recipe.mutable_grid();
  grid.set_origin(1001);
  grid.set_window_frames(4);
  grid.set_context_frames(spec.chain ? 1 : 0);
  grid.set_time_ratio_mul(1);
  grid.set_window_count(64);
  auto& windows = *recipe.add_windows();
  windows.set_first(0);
  windows.set_count(64);
  auto& generate = *recipe.mutable_generate();
  generate.set_model(spec.model);
  generate.set_model_digest(raw(base::sha256(spec.model)));
  generate.set_prompt(spec.prompt);
  generate.set_steps(spec.steps);
  generate.set_guidance(1.5);
  generate.set_chain(spec.chain);
  generate.set_format(spec.format);
  generate.set_has_input(spec.has_input);
  generate.set_part(spec.decode ? wire::GenerateRecipe::DECODE : wire::GenerateRecipe::DENOISE);
  return grant;
}

namespace {

wire::InputFile input_of(const wire::OutputFile& file, std::uint32_t task, wire::InputFile::Role role) {
  wire::InputFile input;
  input.set_role(role);
  input.set_root("main");
  input.set_path(file.path());
  input.set_size_bytes(file.size_bytes());
  input.set_sha256(file.sha256());
  input.set_frame(file.frame());
  input.set_task(task);
  return input;
}

}  // namespace

void add_latents(wire::Grant& grant, const std::vector<wire::FinishedTask>& tasks) {
  for (const auto& task : tasks)
    for (const auto& file : task.files()) *grant.add_inputs() = input_of(file, task.task(), wire::InputFile::LATENTS);
}

void add_context(wire::Grant& grant, const wire::FinishedTask& before, std::uint32_t task) {
  for (const auto& file : before.files()) *grant.add_inputs() = input_of(file, task, wire::InputFile::CONTEXT);
}

std::string raw(const base::Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

std::map<std::string, std::string> samples_of(const std::vector<wire::FinishedTask>& tasks) {
  std::map<std::string, std::string> samples;
  for (const auto& task : tasks)
    for (const auto& file : task.files())
      samples[file.path()] = base::to_hex(
          {reinterpret_cast<const std::uint8_t*>(file.samples_sha256().data()), file.samples_sha256().size()});
  return samples;
}

}  // namespace framemill::tests
