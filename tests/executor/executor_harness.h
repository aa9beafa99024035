// An executor process at the other end of a real socket pair, and grants to give it. Every wait has an end: what does
// not come within 30 seconds fails the test.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "wire/executor.pb.h"

namespace framemill::tests {

struct FarmDirectory {
  FarmDirectory();
  ~FarmDirectory();
  std::filesystem::path path;                                  // temporary
  std::filesystem::path root;                                  // the root named "main"
  std::filesystem::path staging(std::uint64_t attempt) const;  // made on the first call
  // Moves an attempt's finished files to their final names, as publishing does.
  void publish(std::uint64_t attempt, const std::vector<wire::FinishedTask>& tasks) const;
};

class ExecutorProcess {
 public:
  explicit ExecutorProcess(const std::string& program = "faulty-executor");
  ~ExecutorProcess();
  ExecutorProcess(const ExecutorProcess&) = delete;

  void send(const wire::ToExecutor& message);
  void send_bytes(const std::string& bytes);
  // Configures it and waits until it is ready.
  wire::ExecutorReady configure(const FarmDirectory& farm, std::uint64_t memory_bytes_budget = 0,
                                const std::vector<std::string>& model_directories = {}, std::uint32_t threads = 1);
  void start(const wire::Grant& grant, const FarmDirectory& farm);
  void cancel(const wire::Grant& grant, bool keep_finished = true);

  // The next message that is not Alive or AttemptProgress, unless asked for.
  wire::FromExecutor receive(bool chatter = false);
  struct Outcome {
    std::vector<wire::FinishedTask> finished;
    wire::EndedAttempt ended;
  };
  // Receives until all of these attempts have ended.
  std::map<std::uint64_t, Outcome> run_to_end(std::size_t attempts);
  // Start, run, end.
  Outcome run(const wire::Grant& grant, const FarmDirectory& farm);

  void close();       // the worker's end
  int wait_status();  // as waitpid gives it
  int pid() const { return pid_; }
  int descriptor() const { return fd_; }

 private:
  int fd_ = -1, pid_ = -1;
};

struct GrantSpec {
  std::uint64_t attempt = 1;
  std::uint32_t job = 1;
  std::uint32_t phase = 0;
  std::uint32_t first = 0, count = 1;
  bool chain = false;
  bool decode = false;
  std::string prompt = "boat";
  std::string model = "fake@1";
  std::string reproducibility = "stable";
  std::uint32_t batch_max = 4;
  std::uint32_t steps = 4;
  std::uint64_t seed = 7;
  std::string show = "harbor";
  std::string format = "exr";
  std::string frames = "1001-1040";
  bool has_input = false;
};
wire::Grant make_grant(const GrantSpec& spec);

// Adds what tasks wrote as inputs of a grant: each decode task reads the latents of its own number.
void add_latents(wire::Grant& grant, const std::vector<wire::FinishedTask>& tasks);
// The carry of a chain: latents of the task before, for `task`.
void add_context(wire::Grant& grant, const wire::FinishedTask& before, std::uint32_t task);

std::string raw(const base::Sha256& digest);
// Path -> samples digest (hex) of all files of the tasks.
std::map<std::string, std::string> samples_of(const std::vector<wire::FinishedTask>& tasks);

}  // namespace framemill::tests
