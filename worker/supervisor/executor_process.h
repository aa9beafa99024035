// One executor: its process, its socket, its last words, and whether it is alive. Loop thread. The socket speaks
// wire/executor.proto (4-byte little-endian length, then the message, at most 9 MiB). Everything the process says is
// checked for form here; what it means is the core's affair.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/event_loop.h"
#include "worker/core/deaths.h"
#include "worker/supervisor/confinement.h"
#include "worker/supervisor/memory_cap.h"
#include "worker/supervisor/output_tail.h"
#include "worker/supervisor/spawn.h"

namespace framemill::wire {
class Configure;
class FromExecutor;
class ToExecutor;
}  // namespace framemill::wire

namespace framemill::worker {

struct ExecutorSettings {
  std::filesystem::path launcher;          // a program that plays kLaunchArgument (keeper.h)
  std::optional<Confinement> confinement;  // none: it may do what the worker may, and needs no launcher
  SpawnRequest spawn;                      // descriptors and caps are filled in here
  MemoryCap memory;
  base::Duration start_timeout = base::seconds(120);  // until ExecutorReady
  base::Duration hang_timeout = base::seconds(60);    // between signs of life
};

class ExecutorProcess {
 public:
  static constexpr std::size_t kUnsentBytesMax = 32 << 20;  // what an executor that does not read may have waiting

  struct Callbacks {
    std::function<void(const wire::FromExecutor& message)> on_message;
    // Everything it had said before was handed out. May destroy the ExecutorProcess.
    std::function<void(const Death& death, const std::string& output_tail)> on_died;
    std::function<void(std::string_view line)> on_output;  // stdout and stderr, for the log
  };

  static base::Result<std::unique_ptr<ExecutorProcess>> start(net::EventLoop& loop, ExecutorSettings settings,
                                                              const wire::Configure& configure, Callbacks callbacks);
  ~ExecutorProcess();  // kills the group if it still runs

  void send(const wire::ToExecutor& message);
  // The whole process group, at once. on_died follows.
  void kill(KilledBecause because, std::string detail = "");
  pid_t pid() const { return process_.pid; }
  bool ready() const { return ready_; }
  std::string output_tail() const { return tail_.text(); }

 private:
  ExecutorProcess(net::EventLoop& loop, ExecutorSettings settings, Callbacks callbacks);
  void flush();
  void read_socket();
  bool read_some();
  void read_output();
  void take_frames();
  void on_exit();
  void watch_silence();

  net::EventLoop& loop_;
  ExecutorSettings settings_;
  Callbacks callbacks_;
  Process process_;
  UniqueFd socket_, output_;
  net::FdWatch socket_watch_, output_watch_, exit_watch_;
  net::Timer silence_timer_, flush_timer_;
  std::string received_, unsent_;
  OutputTail tail_;
  LineSplitter lines_;
  bool ready_ = false, reaped_ = false;
  base::Instant last_sign_;
  std::uint64_t memory_kills_before_ = 0;
  KilledBecause killed_ = KilledBecause::None;
  std::string kill_detail_;
};

}  // namespace framemill::worker
