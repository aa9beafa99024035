#include "worker/supervisor/executor_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "wire/executor.pb.h"
#include "wire/limits.h"
#include "worker/supervisor/keeper.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kHeaderBytes = 4;
constexpr int kSocketBufferBytes = 1 << 20;

std::uint32_t read_length(const std::string& bytes) {
  const auto at = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(bytes[i])}; };
  return at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
}

void append_length(std::string& out, std::uint32_t length) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(length >> shift & 0xff));
}

}  // namespace

ExecutorProcess::ExecutorProcess(net::EventLoop& loop, ExecutorSettings settings, Callbacks callbacks)
    : loop_(loop), settings_(std::move(settings)), callbacks_(std::move(callbacks)) {}

base::Result<std::unique_ptr<ExecutorProcess>> ExecutorProcess::start(net::EventLoop& loop, ExecutorSettings settings,
                                                                      const wire::Configure& configure,
                                                                      Callbacks callbacks) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return base::error_of(SpawnError::Failed, fmt::format("make a socket pair: {}", std::strerror(errno)));
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  ::setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  FM_ASSIGN(Pipe output, make_pipe());

  std::unique_ptr<ExecutorProcess> executor(new ExecutorProcess(loop, std::move(settings), std::move(callbacks)));
  SpawnRequest& request = executor->settings_.spawn;
  request.descriptor_3 = theirs.get();
  request.output = output.writing.get();
  request.data_bytes_max = executor->settings_.memory.data_bytes_max();
  request.cgroup_procs = executor->settings_.memory.cgroup_procs();
  executor->memory_kills_before_ = executor->settings_.memory.kills();
  UniqueFd confinement;
  if (executor->settings_.confinement) {
    FM_ASSIGN(confinement, hand_over(*executor->settings_.confinement));
    request.descriptor_4 = confinement.get();
    request.argv.insert(request.argv.begin(), {executor->settings_.launcher.string(), std::string(kLaunchArgument)});
  }
  FM_ASSIGN(executor->process_, spawn(request));
  executor->socket_ = std::move(ours);
  executor->output_ = std::move(output.reading);
  executor->last_sign_ = base::monotonic_now();
  ExecutorProcess* self = executor.get();
  executor->socket_watch_ = loop.watch_fd(executor->socket_.get(), [self] { self->read_socket(); });
  executor->output_watch_ = loop.watch_fd(executor->output_.get(), [self] { self->read_output(); });
  executor->exit_watch_ = loop.watch_fd(executor->process_.pidfd.get(), [self] { self->on_exit(); });
  executor->watch_silence();
  wire::ToExecutor first;
  *first.mutable_configure() = configure;
  executor->send(first);
  return executor;
}

ExecutorProcess::~ExecutorProcess() {
  if (reaped_ || process_.pid <= 0) return;
  ::kill(-process_.pid, SIGKILL);
  reap(process_);
}

void ExecutorProcess::send(const wire::ToExecutor& message) {
  const std::size_t length = message.ByteSizeLong();
  if (killed_ != KilledBecause::None) return;
  if (length > wire::kExecutorMessageBytesMax || unsent_.size() + length > kUnsentBytesMax)
    return kill(KilledBecause::BadMessage, "it does not read its messages");
  append_length(unsent_, static_cast<std::uint32_t>(length));
  message.AppendToString(&unsent_);
  flush();
}

void ExecutorProcess::flush() {
  while (!unsent_.empty()) {
    const ssize_t n = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return unsent_.clear();  // it is gone; its exit tells the rest
    if (n < 0) {
      flush_timer_ = loop_.call_after(base::milliseconds(5), [this] { flush(); });
      return;
    }
    unsent_.erase(0, static_cast<std::size_t>(n));
  }
}

// One read; false when nothing more is to be had.
bool ExecutorProcess::read_some() {
  std::array<char, 65536> buffer;
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (n > 0) {
    received_.append(buffer.data(), static_cast<std::size_t>(n));
    return true;
  }
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  // It closed its end: readable for ever. Its exit follows, or its silence.
  socket_watch_.cancel();
  return false;
}

void ExecutorProcess::read_socket() {
  if (read_some()) take_frames();
}

void ExecutorProcess::take_frames() {
  std::size_t at = 0;
  while (killed_ == KilledBecause::None && received_.size() - at >= kHeaderBytes) {
    const std::uint32_t length = read_length(received_.substr(at, kHeaderBytes));
    if (length > wire::kExecutorMessageBytesMax)
      return kill(KilledBecause::BadMessage, fmt::format("a message of {} bytes", length));
    if (received_.size() - at - kHeaderBytes < length) break;
    wire::FromExecutor message;
    const bool parsed = message.ParseFromArray(received_.data() + at + kHeaderBytes, static_cast<int>(length));
    if (!parsed || message.message_case() == wire::FromExecutor::MESSAGE_NOT_SET)
      return kill(KilledBecause::BadMessage, fmt::format("{} bytes that do not parse as a message", length));
    at += kHeaderBytes + length;
    last_sign_ = base::monotonic_now();
    if (message.has_ready() && !std::exchange(ready_, true)) watch_silence();  // from now on with the other patience
    callbacks_.on_message(message);
  }
  received_.erase(0, at);
}

void ExecutorProcess::read_output() {
  std::array<char, 16384> buffer;
  const ssize_t n = ::read(output_.get(), buffer.data(), buffer.size());
  if (n > 0) {
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    tail_.add(bytes);
    if (callbacks_.on_output) lines_.add(bytes, callbacks_.on_output);
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    output_watch_.cancel();
  }
}

void ExecutorProcess::watch_silence() {
  const base::Duration patience = ready_ ? settings_.hang_timeout : settings_.start_timeout;
  const base::Duration silent = base::monotonic_now() - last_sign_;
  if (silent >= patience) {
    const std::string detail = fmt::format("{:.1f} s", static_cast<double>(silent.ms) / 1000);
    return kill(ready_ ? KilledBecause::Hung : KilledBecause::StartTimeout, detail);
  }
  silence_timer_ = loop_.call_after(patience - silent, [this] { watch_silence(); });
}

void ExecutorProcess::kill(KilledBecause because, std::string detail) {
  if (killed_ != KilledBecause::None || reaped_) return;
  killed_ = because;
  kill_detail_ = std::move(detail);
  silence_timer_.cancel();
  socket_watch_.cancel();  // what it says from now on counts no more
  ::kill(-process_.pid, SIGKILL);
}

void ExecutorProcess::on_exit() {
  exit_watch_.cancel();
  silence_timer_.cancel();
  flush_timer_.cancel();
  // What it said before it died still counts: finished tasks are on disk.
  if (killed_ == KilledBecause::None) {
    while (read_some()) take_frames();
  }
  socket_watch_.cancel();
  for (int reads = 0; reads < 64; ++reads) read_output();
  output_watch_.cancel();
  if (callbacks_.on_output) lines_.finish(callbacks_.on_output);
  // Its own group has no other use: children that it left behind go with it.
  ::kill(-process_.pid, SIGKILL);
  const ProcessEnd end = reap(process_);
  reaped_ = true;
  Death death;
  death.killed = killed_;
  death.started = ready_;
  death.exit_status = end.exit_status;
  death.signal = end.signal;
  death.detail = kill_detail_;
  death.memory_capped = settings_.memory.kills() > memory_kills_before_ ||
                        (end.exit_status != 0 && settings_.memory.was_reached(end.resident_bytes_peak));
  // The callback may destroy this object.
  const auto on_died = callbacks_.on_died;
  on_died(death, tail_.text());
}

}  // namespace framemill::worker
