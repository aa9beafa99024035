// framemill: submit and watch jobs of a render farm.
#include <fcntl.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cli/arguments.h"
#include "cli/verbs/verbs.h"

namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_signal(int) {
  interrupted = 1;
}

std::string own_directory() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string(".") : path.parent_path().string();
}

// A descriptor that the caller has closed must not be given to the next file or socket that is opened: what is printed
// would go there. Reading and writing these ends with an error, as on the closed one.
void fill_closed_descriptors() {
  for (const int descriptor : {0, 1, 2})
    if (::fcntl(descriptor, F_GETFD) == -1) ::open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
}

}  // namespace

int main(int argc, char** argv) {
  fill_closed_descriptors();
  struct sigaction action{};
  action.sa_handler = on_signal;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_DFL);  // `framemill frames 12 | head` ends quietly
  std::ios::sync_with_stdio(false);

  const framemill::cli::Environment environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  framemill::cli::Host host{std::cout,
                            std::cerr,
                            std::cin,
                            framemill::cli::detect_terminal(1, environment),
                            1,
                            environment,
                            [] { return interrupted == 0; },
                            own_directory(),
                            0};
  return framemill::cli::run_program({argv + 1, argv + argc}, host, framemill::cli::declare_verbs);
}
