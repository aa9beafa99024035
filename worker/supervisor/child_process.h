// A command, or the media program, under its keeper: output kept, lines of standard output handed out, ended as a
// group. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/event_loop.h"
#include "worker/supervisor/confinement.h"
#include "worker/supervisor/output_tail.h"
#include "worker/supervisor/spawn.h"

namespace framemill::worker {

struct ChildSettings {
  std::filesystem::path keeper;            // a program that plays the keeper (keeper.h)
  SpawnRequest spawn;                      // argv of the command itself
  std::string first_line;                  // what the record of its output begins with; empty: nothing
  std::optional<Confinement> confinement;  // of the command; none: it may do what the worker may
  bool keep_output = true;                 // standard output belongs to the last words too, not only standard error
};

class ChildProcess {
 public:
  struct Callbacks {
    std::function<void(std::string_view line)> on_line;  // of standard output
    std::function<void()> on_output;                     // output() has grown
    // May destroy the ChildProcess.
    std::function<void(const ProcessEnd& end, const OutputTail& tail)> on_end;
  };
  static base::Result<std::unique_ptr<ChildProcess>> start(net::EventLoop& loop, ChildSettings settings,
                                                           Callbacks callbacks);
  ~ChildProcess();  // kills what still runs

  // SIGTERM to the command's group, a second later SIGKILL to everything it started. on_end follows.
  void stop();
  pid_t pid() const { return process_.pid; }
  const OutputTail& output() const { return tail_; }
  bool has_printed() const { return has_printed_; }

 private:
  ChildProcess(net::EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}
  bool read_output();
  bool read_errors();
  void keep(std::string_view bytes);
  void on_exit();

  net::EventLoop& loop_;
  Callbacks callbacks_;
  Process process_;
  UniqueFd output_, errors_, start_error_;
  net::FdWatch output_watch_, errors_watch_, exit_watch_;
  net::Timer last_resort_;
  OutputTail tail_;
  LineSplitter lines_;
  bool keep_output_ = true, reaped_ = false, has_printed_ = false;
};

}  // namespace framemill::worker
