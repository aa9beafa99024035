#include "worker/supervisor/child_process.h"

#include <array>
#include <cerrno>

#include "worker/supervisor/keeper.h"

namespace framemill::worker {
namespace {

// The keeper needs a second of grace and at most two to kill; if it takes longer, it is killed itself, and the command
// with it by its own parent-death signal.
constexpr base::Duration kLastResort = base::seconds(6);

constexpr std::size_t kReadBytes = 16384;

std::string_view read_some(const UniqueFd& from, net::FdWatch& watch, std::array<char, kReadBytes>& buffer) {
  const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
  if (n > 0) return {buffer.data(), static_cast<std::size_t>(n)};
  if (n == 0 || (errno != EAGAIN && errno != EINTR)) watch.cancel();
  return {};
}

}  // namespace

base::Result<std::unique_ptr<ChildProcess>> ChildProcess::start(net::EventLoop& loop, ChildSettings settings,
                                                                Callbacks callbacks) {
  FM_ASSIGN(Pipe output, make_pipe());
  FM_ASSIGN(Pipe errors, make_pipe());
  FM_ASSIGN(Pipe start_error, make_pipe());
  SpawnRequest& request = settings.spawn;
  UniqueFd confinement;
  if (settings.confinement) {
    FM_ASSIGN(confinement, hand_over(*settings.confinement));
    request.descriptor_4 = confinement.get();
  }
  const std::string_view how = settings.confinement ? kConfinedKeeperArgument : kKeeperArgument;
  request.argv.insert(request.argv.begin(), {settings.keeper.string(), std::string(how)});
  request.output = output.writing.get();
  request.error_output = errors.writing.get();
  request.descriptor_3 = start_error.writing.get();  // kStartErrorDescriptor
  request.parent_death_signal = SIGTERM;
  std::unique_ptr<ChildProcess> child(new ChildProcess(loop, std::move(callbacks)));
  FM_ASSIGN(child->process_, spawn(request));
  child->output_ = std::move(output.reading);
  child->errors_ = std::move(errors.reading);
  child->start_error_ = std::move(start_error.reading);
  child->keep_output_ = settings.keep_output;
  child->tail_.add(settings.first_line);
  ChildProcess* self = child.get();
  child->output_watch_ = loop.watch_fd(child->output_.get(), [self] { self->read_output(); });
  child->errors_watch_ = loop.watch_fd(child->errors_.get(), [self] { self->read_errors(); });
  child->exit_watch_ = loop.watch_fd(child->process_.pidfd.get(), [self] { self->on_exit(); });
  return child;
}

ChildProcess::~ChildProcess() {
  if (reaped_ || process_.pid <= 0) return;
  ::kill(process_.pid, SIGTERM);
  // The keeper ends within its grace; the worker is on its way out and may wait for that.
  reap(process_);
}

void ChildProcess::stop() {
  if (reaped_ || last_resort_.pending()) return;
  ::kill(process_.pid, SIGTERM);
  last_resort_ = loop_.call_after(kLastResort, [this] {
    if (!reaped_) ::kill(process_.pid, SIGKILL);
  });
}

bool ChildProcess::read_output() {
  std::array<char, kReadBytes> buffer;
  const std::string_view bytes = read_some(output_, output_watch_, buffer);
  if (keep_output_) keep(bytes);
  if (callbacks_.on_line) lines_.add(bytes, callbacks_.on_line);
  return !bytes.empty();
}

bool ChildProcess::read_errors() {
  std::array<char, kReadBytes> buffer;
  const std::string_view bytes = read_some(errors_, errors_watch_, buffer);
  keep(bytes);
  return !bytes.empty();
}

void ChildProcess::keep(std::string_view bytes) {
  if (bytes.empty()) return;
  tail_.add(bytes);
  has_printed_ = true;
  if (callbacks_.on_output) callbacks_.on_output();
}

void ChildProcess::on_exit() {
  exit_watch_.cancel();
  last_resort_.cancel();
  for (int reads = 0; reads < 64 && read_output(); ++reads) {
  }
  for (int reads = 0; reads < 64 && read_errors(); ++reads) {
  }
  output_watch_.cancel();
  errors_watch_.cancel();
  ProcessEnd end = reap(process_);
  if (int number = 0; ::read(start_error_.get(), &number, sizeof number) == sizeof number) end.start_error = number;
  reaped_ = true;
  const auto on_end = callbacks_.on_end;  // may destroy this object
  const OutputTail tail = tail_;
  on_end(end, tail);
}

}  // namespace framemill::worker
