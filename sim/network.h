// The wire between the scheduler and its workers: one connection per worker, made anew when either process starts or the
// line was cut. A message in flight may be lost, repeated, late, or overtaken, as the weather of its link says; with its
// connection it is mostly lost, and sometimes it comes all the same, late. Both ends see only bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/event_queue.h"
#include "sim/random.h"
#include "sim/trace.h"

namespace framemill::sim {

struct Weather {  // of one link
  std::uint32_t lost_permille = 0, repeated_permille = 0, overtaken_permille = 0;
  base::Duration delay_min{1}, delay_max{20};
  base::Duration replies_late{0};  // on top of it, to the worker
};

class Network {
 public:
  struct Ends {
    std::function<void(std::size_t worker, std::uint64_t connection, const std::string&)> to_scheduler;
    std::function<void(std::size_t worker, const std::string&)> to_worker;
    std::function<void(std::size_t worker)> connected;  // the worker's end
  };
  Network(EventQueue& time, Random random, Trace& trace, std::size_t workers);
  void attach(Ends ends) { ends_ = std::move(ends); }

  // The number of the worker's connection; 0: there is none.
  std::uint64_t connection(std::size_t worker) const { return links_[worker].connection; }
  void send_to_scheduler(std::size_t worker, const std::string& bytes) { send(worker, bytes, Way::ToScheduler); }
  void send_to_worker(std::size_t worker, const std::string& bytes) { send(worker, bytes, Way::ToWorker); }

  void on_scheduler(bool up);
  void on_worker(std::size_t worker, bool up);
  void cut(std::size_t worker, base::Duration length);      // both ends see it
  void swallow(std::size_t worker, base::Duration length);  // nobody sees it: what is sent meanwhile is lost
  void change_weather(std::size_t worker, Weather weather, base::Duration length);
  void calm_down();  // for good

 private:
  enum class Way { ToScheduler, ToWorker };
  struct Link {
    bool worker_up = false;
    std::uint64_t connection = 0;
    std::uint64_t attempts = 0;  // to connect; the newest counts
    base::Instant cut_until{}, swallows_until{}, weather_until{};
    Weather weather;
    base::Instant last_arrival[2]{};
  };
  void send(std::size_t worker, const std::string& bytes, Way way);
  void announce(std::size_t worker, const std::string& bytes, Way way, base::Instant when);
  void disconnect(Link& link) { link.connection = 0; }
  void reconnect(std::size_t worker);

  EventQueue& time_;
  Random random_;
  Trace& trace_;
  Ends ends_;
  std::vector<Link> links_;
  bool scheduler_up_ = false;
  std::uint64_t connections_ = 0;
};

}  // namespace framemill::sim
