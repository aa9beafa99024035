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
#include "worker/supervisor/io_thread.h"
#include "worker/supervisor/memory_cap.h"

namespace framemill::worker {

struct ChildRunnerSettings {
  std::filesystem::path keeper;
  std::filesystem::path media;                  // framemill-media
  std::map<std::string, std::string> commands;  // name -> absolute path
  std::vector<std::string> environment;
  std::vector<int> cpus;
  MemoryCap memory;
  AccessPolicy access;
  int niceness = 0;
  base::Duration inputs_timeout = base::seconds(15);
  base::Duration inputs_pause = base::milliseconds(500);
};

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
  void stop();

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
  // A program that has failed on storage that fails is given back.
  void fail_unless_storage_did(base::Error error);
  void keep_good(const base::Error& error);
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
  net::Timer retry_, telling_;
  base::Instant started_{}, launched_{}, inputs_until_{};
  std::uint64_t ran_us_ = 0;  // the program, from its launch to its end
  std::uint64_t memory_kills_before_ = 0;
  bool stopped_ = false, ended_ = false;
  Progress progress_;
  std::optional<std::int32_t> bad_frame_;
  std::vector<jobs::TaskIndex> failed_tasks_;  // empty: the outcome speaks of all
  std::string tail_;
};

}  // namespace framemill::worker
