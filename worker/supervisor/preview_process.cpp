#include "worker/supervisor/preview_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/text.h"
#include "wire/farm.pb.h"
#include "wire/preview_packets.h"
#include "worker/supervisor/keeper.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kComplaintBytesMax = 512;

}  // namespace

base::Result<std::unique_ptr<PreviewProcess>> PreviewProcess::start(net::EventLoop& loop, PreviewProgram program,
                                                                    Callbacks callbacks) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return base::error_of(SpawnError::Failed, fmt::format("make a socket pair: {}", std::strerror(errno)));
  std::unique_ptr<PreviewProcess> process(new PreviewProcess(loop, std::move(callbacks)));
  process->socket_ = UniqueFd(pair[0]);
  const UniqueFd theirs(pair[1]);
  ::fcntl(process->socket_.get(), F_SETFL, O_NONBLOCK);
  SpawnRequest& request = program.spawn;
  request.descriptor_3 = theirs.get();
  UniqueFd confinement;
  if (program.confinement) {
    FM_ASSIGN(confinement, hand_over(*program.confinement));
    request.descriptor_4 = confinement.get();
    request.argv.insert(request.argv.begin(), {program.launcher.string(), std::string(kLaunchArgument)});
  }
  FM_ASSIGN(process->process_, spawn(request));
  PreviewProcess* self = process.get();
  process->socket_watch_ = loop.watch_fd(process->socket_.get(), [self] { self->read_socket(); });
  process->exit_watch_ = loop.watch_fd(process->process_.pidfd.get(), [self] { self->on_exit(); });
  return process;
}

PreviewProcess::~PreviewProcess() {
  if (process_.pid <= 0) return;
  kill();
  ::waitpid(process_.pid, nullptr, WNOHANG);
}

bool PreviewProcess::send(const wire::PublishOrder& order) {
  const std::string packet = order.SerializeAsString();
  return packet.size() <= wire::kPreviewPacketBytesMax &&
         ::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(packet.size());
}

void PreviewProcess::kill() {
  ::kill(-process_.pid, SIGKILL);
}

std::uint64_t PreviewProcess::processor_us() const {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(process_.pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(used.tv_nsec) / 1000;
}

void PreviewProcess::read_socket() {
  std::string packet(wire::kPreviewPacketBytesMax, '\0');
  const ssize_t n = ::recv(socket_.get(), packet.data(), packet.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return socket_watch_.cancel();  // its end follows
  packet.resize(static_cast<std::size_t>(n));
  callbacks_.on_made(packet == wire::kPreviewsMade ? "" : base::clean_text(packet, kComplaintBytesMax));
}

void PreviewProcess::on_exit() {
  exit_watch_.cancel();
  socket_watch_.cancel();
  ::kill(-process_.pid, SIGKILL);
  reap(process_);
  process_.pid = -1;
  const auto on_ended = callbacks_.on_ended;
  on_ended();
}

}  // namespace framemill::worker
