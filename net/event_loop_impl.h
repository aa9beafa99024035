// Private to the room: what is behind EventLoop, for the files that put their own asio objects on the loop.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <list>
#include <thread>

#include "net/event_loop.h"

namespace framemill::net {

struct EventLoop::Impl {
  struct Signal {
    Signal(boost::asio::io_context& io, int number) : set(io, number) {}
    boost::asio::signal_set set;
    std::function<void()> function;
  };

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::list<Signal> signals;
  std::atomic<std::thread::id> thread;
};

}  // namespace framemill::net
