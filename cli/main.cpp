// framemill: submit and watch jobs of a render farm.
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

}  // namespace

int main(int argc, char** argv) {
  struct sigaction action {};
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
                            own_directory()};
  const int code = framemill::cli::run_program({argv + 1, argv + argc}, host, framemill::cli::declare_verbs);
  std::cout.flush();
  return code;
}
