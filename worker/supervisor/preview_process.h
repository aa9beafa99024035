// The program that makes previews (framemill-media previews): a child that serves one order after the other and may
// write nothing but previews. Whatever a frame does to it harms previews alone. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/event_loop.h"
#include "worker/supervisor/confinement.h"
#include "worker/supervisor/spawn.h"

namespace framemill::wire {
class PublishOrder;
}

namespace framemill::worker {

struct PreviewProgram {
  std::filesystem::path launcher;          // a program that plays kLaunchArgument (keeper.h)
  std::optional<Confinement> confinement;  // none: it may do what the worker may, and needs no launcher
  SpawnRequest spawn;                      // descriptors are filled in here
};

class PreviewProcess {
 public:
  struct Callbacks {
    std::function<void(const std::string& complaint)> on_made;  // of the order at work; empty: all is well
    std::function<void()> on_ended;                             // may destroy the PreviewProcess
  };
  // Errors: those of spawn().
  static base::Result<std::unique_ptr<PreviewProcess>> start(net::EventLoop& loop, PreviewProgram program,
                                                             Callbacks callbacks);
  ~PreviewProcess();  // kills it; does not wait for a process that storage holds

  // One order at a time (wire/preview_packets.h). False: it does not take it.
  bool send(const wire::PublishOrder& order);
  void kill();  // on_ended follows, once the kernel lets it go
  // That it has used so far; 0: it cannot be seen.
  std::uint64_t processor_us() const;

 private:
  PreviewProcess(net::EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}
  void read_socket();
  void on_exit();

  net::EventLoop& loop_;
  Callbacks callbacks_;
  Process process_;
  UniqueFd socket_;
  net::FdWatch socket_watch_, exit_watch_;
};

}  // namespace framemill::worker
