// One command, encode or sheet attempt from its inputs to its finished tasks: looks at the inputs (for a bounded time:
// network file systems are late), runs the program in its own directory inside the staging area, collects what it
// wrote. Loop thread; storage work is done on the I/O thread given. Held by shared_ptr: work under way keeps it alive.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/event_loop.h"
#include "wire/farm.pb.h"
#include "worker/core/values.h"
#include "worker/supervisor/child_access.h"
#include "worker/supervisor/child_process.h"
#include "worker/supervisor/child_work.h"
#include "worker/supervisor/host_limits.h"
#include "worker/supervisor/io_thread.h"
#include "worker/supervisor/memory_cap.h"
#include "worker/supervisor/output_check.h"

namespace framemill::worker {

// That one command may have at once, threads included.
inline constexpr std::uint32_t kCommandProcessesMax = 4096;

struct ChildRunnerSettings {
  std::filesystem::path keeper;
  std::filesystem::path media;                  // framemill-media
  std::filesystem::path check;                  // framemill-check; empty: framemill-media checks all files
  std::map<std::string, std::string> commands;  // name -> absolute path
  std::vector<std::string> environment;
  std::vector<int> cpus;
  MemoryCap memory;
  HostLimits limits;
  AccessPolicy access;
  int niceness = 0;
  base::Duration inputs_timeout = base::seconds(15);
  base::Duration inputs_pause = base::milliseconds(500);
};

// "progress STEP STEPS", as framemill-media says it.
bool parse_progress_line(std::string_view line, std::uint32_t& step, std::uint32_t& steps);

// What framemill-media says last: "input.unreadable: frame 1003 (plates:p.1003.exr): ...", or "storage_failed in plates:
// ...". Nothing when it says anything else.
std::optional<base::Error> error_of_media(std::string_view last_line);

class ChildRunner : public std::enable_shared_from_this<ChildRunner> {
 public:
  struct Callbacks {
    std::function<void(const AttemptId&, const Progress&)> on_progress;
    std::function<void(const AttemptId&, std::string)> on_output;  // all that is kept of it, now and then
    std::function<void(FinishedTask)> on_finished;
    std::function<void(EndedAttempt)> on_ended;  // last; once
  };
  static std::shared_ptr<ChildRunner> start(net::EventLoop& loop, IoThread& io, RootTable roots,
                                            ChildRunnerSettings settings, wire::Grant grant, TaskRange tasks,
                                            Callbacks callbacks);
  // Ends the program. With `keep_finished` what it has made whole is collected before the attempt ends.
  void stop(bool keep_finished = false);
  // A number that moves while the attempt goes on: processor time of its program and of the thread that reads its files.
  // Nothing: this host does not show it.
  std::optional<std::uint64_t> work_done() const;

 private:
  ChildRunner(net::EventLoop& loop, IoThread& io, RootTable roots, ChildRunnerSettings settings, wire::Grant grant,
              TaskRange tasks, Callbacks callbacks);
  template <class Work, class Then>
  void on_io(Work work, Then then);
  void look_at_inputs();
  void on_inputs(CheckedInputs seen);
  std::optional<JobUser> program_user() const;
  void make_directories();
  void launch();
  base::Error launch_error(const base::Error& error) const;
  bool ran_out_of_memory(const ProcessEnd& process_end) const;
  void on_line(std::string_view line);
  void on_output();
  void on_end(const ProcessEnd& end, const OutputTail& tail);
  // A program that has failed on storage that fails, or on a host that lacks something, is given back.
  void fail_unless_host_did(base::Error error);
  // The same of what it made: a file that is cut or empty may be the storage's fault.
  void refuse_unless_host_did(base::Error error);
  template <class Then>
  void unless_host_failed(base::Error error, Then then);
  void keep_good(const base::Error& error);
  // child_runner_check.cpp
  void check_outputs(CheckScope scope);
  void launch_check(CheckScope scope);
  void on_check_end(CheckScope scope, const ProcessEnd& end, const OutputTail& tail);
  void on_check_answer(CheckScope scope, base::Result<CheckAnswer> answer);
  ChildSettings child_settings(std::vector<std::string> argv) const;
  ChildSettings media_child(std::vector<std::string> argv) const;
  bool reads_pictures() const;
  void fail_as_it_did();  // after the program's inputs were found whole
  void collect(CheckAnswer answer);
  void on_collected(Collected collected);
  void tell_finished(const std::vector<wire::FinishedTask>& finished);
  void end(jobs::Outcome outcome, std::string code, std::string text);
  void end(const base::Error& error);

  net::EventLoop& loop_;
  IoThread& io_;
  const RootTable roots_;
  const ChildRunnerSettings settings_;
  const wire::Grant grant_;
  const TaskRange tasks_;
  const AttemptId attempt_;
  Callbacks callbacks_;
  const bool media_;

  CommandPlan plan_;
  std::vector<wire::InputFile> read_;
  Tree staging_;
  std::unique_ptr<ChildProcess> child_;
  net::Timer retry_, telling_, check_limit_;
  std::optional<std::uint32_t> file_at_check_;  // index into plan_.expected
  bool check_took_too_long_ = false;
  bool check_began_ = false;  // it has said so
  base::Error failure_;       // of a program whose inputs are checked before it is reported
  base::Instant started_{}, launched_{}, inputs_until_{};
  std::uint64_t ran_us_ = 0;  // the program, from its launch to its end
  std::uint64_t memory_kills_before_ = 0;
  std::uint64_t forks_refused_before_ = 0, host_refused_before_ = 0;
  bool stopped_ = false, ended_ = false;
  bool cut_short_ = false;  // stopped, and what it has made whole is kept
  bool checking_ = false;   // child_ is the check of what the program made
  Progress progress_;
  std::optional<std::int32_t> bad_frame_;
  std::vector<jobs::TaskIndex> failed_tasks_;  // empty: the outcome speaks of all
  std::string storage_root_;                   // of the error that ended it
  std::string tail_;
};

// Work on the I/O thread, then its result back on the loop; by values alone, so that no thread sees this object twice.
template <class Work, class Then>
void ChildRunner::on_io(Work work, Then then) {
  const bool taken = io_.submit([self = shared_from_this(), work = std::move(work), then = std::move(then)]() mutable {
    auto result = std::make_shared<decltype(work())>(work());
    net::EventLoop& loop = self->loop_;
    loop.post([self = std::move(self), result, then] { then(*self, std::move(*result)); });
  });
  if (!taken) end(jobs::Outcome::NotAdmitted, "worker.busy", "The worker's storage queue is full.");
}

}  // namespace framemill::worker
