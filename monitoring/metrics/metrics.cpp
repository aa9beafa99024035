#include "monitoring/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <sstream>

namespace framemill::monitoring {
namespace {

prometheus::Labels prometheus_labels(const Labels& labels) {
  return {labels.begin(), labels.end()};
}

}  // namespace

void Counter::add(double amount) const {
  counter_->Increment(amount);
}
void Histogram::observe(double value) const {
  histogram_->Observe(value);
}

struct Page::Families {
  std::vector<prometheus::MetricFamily> list;
  std::map<std::string, std::size_t> places;

  prometheus::ClientMetric& add(const std::string& name, const std::string& help, prometheus::MetricType type,
                                const Labels& labels) {
    const auto [place, is_new] = places.try_emplace(name, list.size());
    if (is_new) list.push_back({name, help, type, {}});
    prometheus::ClientMetric& metric = list[place->second].metric.emplace_back();
    for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    return metric;
  }
};

Page::Page() : families_(std::make_unique<Families>()) {}
Page::~Page() = default;

void Page::gauge(const std::string& name, const std::string& help, double value, const Labels& labels) {
  families_->add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}
void Page::counter(const std::string& name, const std::string& help, double value, const Labels& labels) {
  families_->add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

struct Metrics::Impl {
  prometheus::Registry registry;
  mutable std::mutex mutex;  // guards the sources
  std::vector<Source> sources;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return Counter(
      prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(prometheus_labels(labels)));
}

Histogram Metrics::histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds) {
  return Histogram(prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry).Add({}, bounds));
}

void Metrics::add_source(Source source) {
  const std::lock_guard lock(impl_->mutex);
  impl_->sources.push_back(std::move(source));
}

std::string Metrics::text() const {
  Page page;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const Source& source : impl_->sources) source(page);
  }
  std::ostringstream out;
  const prometheus::TextSerializer serializer;
  serializer.Serialize(out, impl_->registry.Collect());
  serializer.Serialize(out, page.families_->list);
  return std::move(out).str();
}

}  // namespace framemill::monitoring
