#include "sim/network.h"

#include <algorithm>
#include <utility>

namespace framemill::sim {
namespace {

constexpr std::uint32_t kOutlivesItsConnection = 200;  // of 1000 reports
constexpr base::Duration kConnectMin{5}, kConnectMax{1000};

}  // namespace

Network::Network(EventQueue& time, Random random, Trace& trace, std::size_t workers)
    : time_(time), random_(random), trace_(trace), links_(workers) {}

void Network::send(std::size_t worker, const std::string& bytes, Way way) {
  Link& link = links_[worker];
  if (link.connection == 0 || time_.now() < link.swallows_until) return;
  const Weather weather = time_.now() < link.weather_until ? link.weather : Weather{};
  if (random_.chance(weather.lost_permille)) return;
  base::Instant when = time_.now() + random_.between(weather.delay_min, weather.delay_max);
  if (way == Way::ToWorker) when = when + weather.replies_late;
  base::Instant& last = link.last_arrival[static_cast<int>(way)];
  if (!random_.chance(weather.overtaken_permille)) when = last = std::max(when, last);
  announce(worker, bytes, way, when);
  if (random_.chance(weather.repeated_permille))
    announce(worker, bytes, way, when + random_.between(base::Duration{1}, base::seconds(3)));
}

void Network::announce(std::size_t worker, const std::string& bytes, Way way, base::Instant when) {
  const std::uint64_t connection = links_[worker].connection;
  const bool outlives = way == Way::ToScheduler && random_.chance(kOutlivesItsConnection);
  time_.at(when, [this, worker, bytes, way, connection, outlives] {
    if (links_[worker].connection != connection && !(outlives && scheduler_up_)) return;
    if (way == Way::ToScheduler)
      ends_.to_scheduler(worker, connection, bytes);
    else
      ends_.to_worker(worker, bytes);
  });
}

void Network::reconnect(std::size_t worker) {
  Link& link = links_[worker];
  if (!scheduler_up_ || !link.worker_up) return;
  const std::uint64_t attempt = ++link.attempts;
  const base::Instant from = std::max(time_.now(), link.cut_until);
  time_.at(from + random_.between(kConnectMin, kConnectMax), [this, worker, attempt] {
    Link& to = links_[worker];
    if (to.attempts != attempt || to.connection != 0 || !scheduler_up_ || !to.worker_up) return;
    if (time_.now() < to.cut_until) return reconnect(worker);
    to.connection = ++connections_;
    to.last_arrival[0] = to.last_arrival[1] = time_.now();
    ends_.connected(worker);
  });
}

void Network::on_scheduler(bool up) {
  scheduler_up_ = up;
  for (std::size_t worker = 0; worker < links_.size(); ++worker) {
    if (!up) disconnect(links_[worker]);
    reconnect(worker);
  }
}

void Network::on_worker(std::size_t worker, bool up) {
  links_[worker].worker_up = up;
  disconnect(links_[worker]);
  reconnect(worker);
}

void Network::cut(std::size_t worker, base::Duration length) {
  Link& link = links_[worker];
  link.cut_until = std::max(link.cut_until, time_.now() + length);
  disconnect(link);
  reconnect(worker);
}

void Network::swallow(std::size_t worker, base::Duration length) {
  links_[worker].swallows_until = std::max(links_[worker].swallows_until, time_.now() + length);
}

void Network::change_weather(std::size_t worker, Weather weather, base::Duration length) {
  links_[worker].weather = weather;
  links_[worker].weather_until = time_.now() + length;
}

void Network::calm_down() {
  for (Link& link : links_) link.cut_until = link.swallows_until = link.weather_until = time_.now();
  for (std::size_t worker = 0; worker < links_.size(); ++worker)
    if (links_[worker].connection == 0) reconnect(worker);
}

}  // namespace framemill::sim
