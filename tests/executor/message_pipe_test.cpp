#include "worker/executor/message_pipe.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

namespace framemill::worker {

TEST_CASE("a message gets through whole although signals interrupt its writing") {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  struct sigaction ignored{}, before{};
  ignored.sa_handler = [](int) {};  // and no SA_RESTART: the call ends
  REQUIRE(::sigaction(SIGUSR1, &ignored, &before) == 0);
  const std::string message(4 << 20, 'm');
  base::Status written;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    written = MessagePipe(ends[0]).write(message);
    done = true;
  });
  // Nobody reads yet: the writer waits for room, and each of these ends its wait.
  for (int i = 0; i < 50 && !done; ++i) {
    ::pthread_kill(writer.native_handle(), SIGUSR1);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (done) ::shutdown(ends[0], SHUT_WR);
  const auto read = MessagePipe(ends[1]).read();
  writer.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  for (const int end : ends) ::close(end);
  CHECK(written.ok());
  REQUIRE(read.ok());
  CHECK(*read == message);
}

}  // namespace framemill::worker
