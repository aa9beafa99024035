// framemill-executor: keeps models loaded and makes frames. Started by the worker with a socket as descriptor 3; by
// hand only for --version, --help and self-test.
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>

#include "gpu/torch/load/load_generator.h"
#include "jobs/attempt_error.h"
#include "models/package.h"
#include "wire/executor_exit.h"
#include "worker/executor/executor.h"

namespace framemill::worker {
namespace {

class TorchEngine final : public Engine {
 public:
  base::Result<FoundPackage> find(const std::vector<std::filesystem::path>& directories,
                                  const std::string& id) override {
    for (const std::filesystem::path& directory : directories) {
      std::error_code ignored;
      if (id.find('/') != std::string::npos || !std::filesystem::is_directory(directory / id, ignored)) continue;
      return open(directory / id);
    }
    return base::error_of(jobs::AttemptError::ModelNotFound, "no model directory of this worker holds " + id, "",
                          "install the package");
  }

  base::Result<std::unique_ptr<gpu::Generator>> load(const std::filesystem::path& package_directory,
                                                     const gpu::DeviceSpec& device,
                                                     const gpu::GeneratorHooks& hooks) override {
    return gpu::load_torch_generator(package_directory, device, hooks);
  }
  std::string device_class(const gpu::DeviceSpec& device) override { return gpu::device_class(device); }
  double matmul_gflops(const gpu::DeviceSpec& device) override { return gpu::measured_matmul_gflops(device); }

  static base::Result<FoundPackage> open(const std::filesystem::path& directory) {
    FM_ASSIGN(const models::Package package, models::open_package(directory));
    const bool half = package.manifest.carry_dtype == models::CarryDtype::F16;
    return FoundPackage{directory, models::facts(package), half ? gpu::CarryDtype::F16 : gpu::CarryDtype::F32};
  }
};

int self_test(const std::string& directory, int threads) {
  gpu::DeviceSpec device;
  device.threads = threads;
  std::printf("gflops %.1f\n", gpu::measured_matmul_gflops(device));
  std::printf("device_class %s\n", gpu::device_class(device).c_str());
  if (directory.empty()) return 0;
  const auto package = TorchEngine::open(directory);
  if (!package.ok()) {
    std::fprintf(stderr, "%s: %s\n", package.error().code.c_str(), package.error().message.c_str());
    return 1;
  }
  const auto generator = gpu::load_torch_generator(directory, device);
  if (!generator.ok()) {
    std::fprintf(stderr, "%s: %s\n", generator.error().code.c_str(), generator.error().message.c_str());
    return 1;
  }
  std::printf("package %s\nroot_digest %s\n", package->facts.id().c_str(), package->facts.root_digest.hex().c_str());
  return 0;
}

// The worker caps this process's memory; running into the cap is told by the exit status, not by an abort.
void host_memory_is_out() {
  constexpr char kMessage[] = "executor: the host's memory cap is reached\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  ::_exit(wire::kExitOutOfHostMemory);
}

int work() {
  constexpr int kWorkerSocket = 3;
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(kWorkerSocket, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    std::fprintf(stderr, "framemill-executor is started by framemill-worker, with a socket as descriptor 3\n");
    return wire::kExitConfiguration;
  }
  std::set_new_handler(host_memory_is_out);
  TorchEngine engine;
  return run_executor(kWorkerSocket, engine);
}

}  // namespace
}  // namespace framemill::worker

int main(int argc, char** argv) {
  CLI::App app{"Keeps models loaded and makes frames; a child of framemill-worker."};
  app.set_version_flag("--version", "framemill-executor " FRAMEMILL_VERSION);
  app.footer("Example: framemill-executor self-test models/demo-clips@1");
  std::string directory;
  int threads = 1;
  CLI::App* test = app.add_subcommand("self-test", "load LibTorch and, if named, a model package; print GFLOP/s");
  test->add_option("package", directory, "directory of a model package (name@version)");
  test->add_option("--threads", threads, "compute threads")->check(CLI::Range(1, 1024));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // 2: bad usage
  }
  if (test->parsed()) return framemill::worker::self_test(directory, threads);
  return framemill::worker::work();
}
