#include "worker/executor/executor.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <system_error>
#include <thread>

#include "base/log.h"
#include "wire/executor_exit.h"
#include "worker/executor/message_pipe.h"
#include "worker/executor/step_loop.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kOutsideMessagesMax = 16;
// Below this LibTorch runs on a reference BLAS, or the host is badly overcommitted.
constexpr double kSlowGflopsPerThread = 10;

// Messages from the pipe to the inbox until either closes.
void read_messages(MessagePipe& pipe, Inbox<Message>& inbox) {
  while (true) {
    auto bytes = pipe.read();
    if (!bytes.ok() || !bytes->has_value()) {
      inbox.put_own(PipeClosed{bytes.ok() ? base::Status{} : base::Status{bytes.error()}});
      return;
    }
    wire::ToExecutor message;
    if (!message.ParseFromString(**bytes)) {
      inbox.put_own(PipeClosed{base::Error{"pipe.message", "a message that cannot be parsed", "", ""}});
      return;
    }
    if (!inbox.put_outside(std::move(message))) return;
  }
}

// The first message; the exit status where there is none to work by.
std::variant<wire::Configure, int> read_configuration(MessagePipe& pipe) {
  auto bytes = pipe.read();
  if (bytes.ok() && !bytes->has_value()) return wire::kExitFinished;
  wire::ToExecutor message;
  if (!bytes.ok() || !message.ParseFromString(**bytes) || !message.has_configure()) {
    base::log_error("executor", "{}", bytes.ok() ? "the first message is not a configuration" : bytes.error().message);
    return wire::kExitProtocol;
  }
  const std::string& kind = message.configure().device_kind();
  if (kind != "cpu" && kind != "cuda") {
    base::log_error("executor", "device kind '{}' is neither cpu nor cuda", kind);
    return wire::kExitConfiguration;
  }
  return message.configure();
}

wire::FromExecutor ready_message(Engine& engine, const wire::Configure& configure) {
  const gpu::DeviceSpec device = device_of(configure);
  wire::FromExecutor message;
  wire::ExecutorReady& ready = *message.mutable_ready();
  ready.set_self_test_gflops(engine.matmul_gflops(device));
  ready.set_device_class(engine.device_class(device));
  ready.set_memory_bytes_total(device.memory_budget_bytes);
  ready.set_version(FRAMEMILL_VERSION);
  if (device.kind == gpu::DeviceKind::Cpu && ready.self_test_gflops() < kSlowGflopsPerThread * device.threads)
    base::log_warning("executor", "matrix products run at {:.1f} GFLOP/s on {} threads: a slow LibTorch or a busy host",
                      ready.self_test_gflops(), device.threads);
  base::log_info("executor", "ready on {}: {:.0f} GFLOP/s", ready.device_class(), ready.self_test_gflops());
  return message;
}

}  // namespace

int run_executor(int descriptor, Engine& engine) {
  MessagePipe pipe(descriptor);
  const auto first = read_configuration(pipe);
  if (std::holds_alternative<int>(first)) return std::get<int>(first);
  const wire::Configure& configure = std::get<wire::Configure>(first);
  ::umask(static_cast<mode_t>(configure.umask() & 0777));
  const auto send = [&pipe](const wire::FromExecutor& message) { return pipe.write(message.SerializeAsString()); };
  if (const auto status = send(ready_message(engine, configure)); !status.ok()) return wire::kExitFinished;

  Inbox<Message> inbox(kOutsideMessagesMax);
  std::thread reader;
  int status = wire::kExitNoThreads;
  try {
    StepLoop loop(engine, configure, inbox, send);
    reader = std::thread([&] { read_messages(pipe, inbox); });
    status = loop.run();
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) throw;
    base::log_error("executor", "the host cannot start another thread: {}", error.what());
  }
  inbox.close();
  ::shutdown(descriptor, SHUT_RD);  // wakes the reader
  if (reader.joinable()) reader.join();
  return status;
}

}  // namespace framemill::worker
