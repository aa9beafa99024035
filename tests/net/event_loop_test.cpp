#include "net/event_loop.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace framemill::net {

using base::milliseconds;

TEST_CASE("functions posted from many threads all run on the loop's thread") {
  EventLoop loop;
  std::atomic<int> wrong_thread{0};
  int calls = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) {
        loop.post([&] {
          if (!loop.in_loop_thread()) ++wrong_thread;
          if (++calls == 1000) loop.stop();
        });
      }
    });
  }
  CHECK_FALSE(loop.in_loop_thread());
  loop.run();
  for (auto& thread : threads) thread.join();
  CHECK(calls == 1000);
  CHECK(wrong_thread == 0);
}

TEST_CASE("a stop before run is not lost, and the loop can run again") {
  EventLoop loop;
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  CHECK(ran);
}

TEST_CASE("timers fire in the order of their times and once") {
  EventLoop loop;
  std::string order;
  Timer b = loop.call_after(milliseconds(20), [&] { order += 'b'; });
  Timer a = loop.call_after(milliseconds(5), [&] { order += 'a'; });
  CHECK(a.pending());
  loop.run_for(milliseconds(60));
  CHECK(order == "ab");
  CHECK_FALSE(a.pending());
}

TEST_CASE("a timer that is cancelled, destroyed or replaced does not fire") {
  EventLoop loop;
  int fired = 0;
  Timer cancelled = loop.call_after(milliseconds(1), [&] { ++fired; });
  Timer replaced = loop.call_after(milliseconds(1), [&] { ++fired; });
  {
    Timer destroyed = loop.call_after(milliseconds(1), [&] { ++fired; });
  }
  cancelled.cancel();
  replaced = loop.call_after(milliseconds(2), [&] { fired += 100; });
  loop.run_for(milliseconds(20));
  CHECK(fired == 100);
}

TEST_CASE("a timer cancelled by another one that is due at the same time does not fire") {
  EventLoop loop;
  int fired = 0;
  Timer second;
  Timer first = loop.call_after(milliseconds(1), [&] { second.cancel(); });
  second = loop.call_after(milliseconds(1), [&] { ++fired; });
  ::usleep(5000);  // both are due when the loop looks
  loop.run_for(milliseconds(10));
  CHECK(fired == 0);
}

TEST_CASE("timers and watches may outlive their loop") {
  Timer timer;
  FdWatch watch;
  const int fd = ::eventfd(0, 0);
  {
    EventLoop loop;
    timer = loop.call_after(milliseconds(1000), [] {});
    watch = loop.watch_fd(fd, [] {});
    loop.run_for(milliseconds(1));
  }
  CHECK_FALSE(timer.pending());
  timer.cancel();
  watch.cancel();
  CHECK(::close(fd) == 0);  // still the caller's
}

TEST_CASE("a watched descriptor calls while it is readable and no more after its watch ends") {
  EventLoop loop;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  std::string seen;
  FdWatch watch = loop.watch_fd(pipe_ends[0], [&] {
    char c = 0;
    if (::read(pipe_ends[0], &c, 1) == 1) seen += c;  // one byte a call: the rest must make another call
  });
  REQUIRE(::write(pipe_ends[1], "abc", 3) == 3);
  loop.run_for(milliseconds(20));
  CHECK(seen == "abc");
  watch.cancel();
  REQUIRE(::write(pipe_ends[1], "d", 1) == 1);
  loop.run_for(milliseconds(20));
  CHECK(seen == "abc");
  char c = 0;
  CHECK(::read(pipe_ends[0], &c, 1) == 1);  // the descriptor is open
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST_CASE("a watch may end itself from inside its call") {
  EventLoop loop;
  const int fd = ::eventfd(1, 0);
  int calls = 0;
  FdWatch watch;
  watch = loop.watch_fd(fd, [&] {
    ++calls;
    watch.cancel();
  });
  loop.run_for(milliseconds(20));
  CHECK(calls == 1);
  ::close(fd);
}

TEST_CASE("a signal calls its function each time it arrives") {
  EventLoop loop;
  int calls = 0;
  loop.on_signal(SIGUSR1, [&] { ++calls; });
  ::raise(SIGUSR1);
  loop.run_for(milliseconds(20));
  ::raise(SIGUSR1);
  loop.run_for(milliseconds(20));
  CHECK(calls == 2);
}

}  // namespace framemill::net
