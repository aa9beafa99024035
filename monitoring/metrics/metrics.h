// The figures of a process in Prometheus' text format. Instruments are added to where something happens: any thread, no
// wait worth speaking of, so that a loop that schedules may own some. What is known elsewhere already is read when
// somebody scrapes, by sources that write gauges and counters on a page. Names follow Prometheus' conventions (base
// units, _total on counters); labels come from closed lists or the configuration, so that the number of series does not
// grow with the number of jobs, tasks or people.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace prometheus {
class Counter;
class Histogram;
}  // namespace prometheus

namespace framemill::monitoring {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Both are handles to what the Metrics that made them own; they must not outlive it.
class Counter {
 public:
  void add(double amount = 1) const;  // not negative

 private:
  friend class Metrics;
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  prometheus::Counter* counter_;
};
class Histogram {
 public:
  void observe(double value) const;

 private:
  friend class Metrics;
  explicit Histogram(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  prometheus::Histogram* histogram_;
};

// What a source writes on: figures as they are at the time of a scrape. A name has one kind and one help text.
class Page {
 public:
  Page();
  ~Page();
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  void gauge(const std::string& name, const std::string& help, double value, const Labels& labels = {});
  void counter(const std::string& name, const std::string& help, double value, const Labels& labels = {});

 private:
  friend class Metrics;
  struct Families;
  std::unique_ptr<Families> families_;
};

class Metrics {
 public:
  // The media type of text().
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same instrument.
  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  // `bounds`: upper bounds of the buckets, ascending.
  Histogram histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds);

  // Called on the thread of each text(), in the order of adding; what it reads must live as long as text() is called.
  using Source = std::function<void(Page& page)>;
  void add_source(Source source);
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace framemill::monitoring
