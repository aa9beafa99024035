#include "bench/echo_workers.h"

#include <fmt/format.h>

#include "base/file.h"
#include "wire/limits.h"

namespace framemill::bench {
namespace {

constexpr int kFactsPerReport = 4096;  // of some 40 bytes: well under the limit of a message

}  // namespace

EchoWorker::EchoWorker(std::string name, std::uint32_t slots)
    : name_(std::move(name)), slots_(slots), incarnation_(base::random_u64()) {}

base::Result<std::unique_ptr<EchoWorker>> EchoWorker::start(net::EventLoop& loop, net::SecureDealerOptions options,
                                                            std::string name, std::uint32_t slots) {
  std::unique_ptr<EchoWorker> worker(new EchoWorker(std::move(name), slots));
  worker->loop_ = &loop;
  EchoWorker* raw = worker.get();
  FM_ASSIGN(worker->dealer_, net::SecureDealer::open(loop, std::move(options),
                                                     {[raw](std::string_view bytes) { raw->on_reply(bytes); },
                                                      [raw](net::LinkState state, const std::string&) {
                                                        if (state == net::LinkState::Connected) raw->introduce();
                                                      }}));
  raw->timer_ = loop.call_after(base::seconds(1), [raw] { raw->keep_alive(); });
  return worker;
}

void EchoWorker::introduce() {
  wire::Inventory& inventory = *report_.mutable_inventory();
  inventory.set_name(name_);
  inventory.set_version("0");
  inventory.add_commands("true");
  wire::Device& device = *inventory.add_devices();
  device.set_id("cpu0");
  device.set_kind("cpu");
  device.set_memory_bytes_total(1ull << 34);
  device.set_memory_bytes_budget(1ull << 34);
  device.set_cpus(64);
  for (std::uint32_t index = 0; index < slots_; ++index) {
    wire::Slot& slot = *inventory.add_slots();
    slot.set_index(index);
    slot.set_name(fmt::format("cpu{}", index));
    slot.set_usable(true);
  }
  wire::Root& root = *inventory.add_roots();
  root.set_name("out");
  root.set_usable(true);
  root.set_free_bytes(1ull << 40);
  send_report();
}

void EchoWorker::on_reply(std::string_view bytes) {
  ++replies_;
  wire::SchedulerReply reply;
  if (!reply.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (reply.incarnation() == incarnation_)
    while (!unacknowledged_.empty() && unacknowledged_.front().sequence <= reply.acked_report())
      unacknowledged_.pop_front();
  for (const wire::Grant& grant : reply.grants()) add_finished(grant);
  for (const wire::PublishOrder& order : reply.publish()) add_published(order);
  for (const wire::ManifestOrder& order : reply.manifests()) {
    wire::ManifestResult& written = *report_.add_manifests();
    written.set_job(order.job());
    written.set_number(order.number());
    written.set_revision(order.revision());
  }
  for (const wire::Discard& order : reply.discard()) report_.add_discarded_jobs(order.job());
  send();
}

void EchoWorker::add_finished(const wire::Grant& grant) {
  const wire::Tasks& tasks = grant.tasks();
  tasks_granted_ += tasks.count();
  for (std::uint32_t task = tasks.first(); task < tasks.first() + tasks.count(); ++task) {
    if (report_.finished_size() >= kFactsPerReport) send_report();
    wire::FinishedTask& finished = *report_.add_finished();
    *finished.mutable_attempt() = grant.attempt();
    finished.set_job(tasks.job());
    finished.set_phase(tasks.phase());
    finished.set_task(task);
    finished.set_duration_us(1);
  }
  wire::EndedAttempt& ended = *report_.add_ended();
  *ended.mutable_attempt() = grant.attempt();
  ended.set_outcome("ok");
}

void EchoWorker::add_published(const wire::PublishOrder& order) {
  tasks_ordered_ += order.tasks().count();
  if (report_.published_size() > 0) {
    wire::Tasks& last = *report_.mutable_published(report_.published_size() - 1)->mutable_tasks();
    const bool next = last.job() == order.tasks().job() && last.phase() == order.tasks().phase() &&
                      last.first() + last.count() == order.tasks().first();
    if (next) return last.set_count(last.count() + order.tasks().count());
  }
  if (report_.published_size() >= kFactsPerReport) send_report();
  *report_.add_published()->mutable_tasks() = order.tasks();
}

void EchoWorker::send() {
  const int news = report_.finished_size() + report_.ended_size() + report_.published_size() +
                   report_.manifests_size() + report_.discarded_jobs_size();
  if (news > 0) send_report();
}

void EchoWorker::send_report() {
  report_.set_protocol(wire::kProtocolVersion);
  report_.set_incarnation(incarnation_);
  report_.set_sequence(++sequence_);
  std::vector<wire::Tasks> published;
  for (const wire::PublishedTasks& one : report_.published()) published.push_back(one.tasks());
  unacknowledged_.push_back({sequence_, report_.SerializeAsString(), std::move(published)});
  // A refused send stays in the queue and is said again.
  static_cast<void>(dealer_->send(unacknowledged_.back().bytes).ok());
  report_.Clear();
}

// It publishes at once: what it holds is what it has not been heard about.
void EchoWorker::tell_publishing() {
  int ranges = 0;
  for (const Sent& sent : unacknowledged_) ranges += static_cast<int>(sent.published.size());
  if (ranges + report_.published_size() > kFactsPerReport) return;
  report_.set_tells_publishing(true);
  for (const wire::PublishedTasks& one : report_.published()) *report_.add_publishing() = one.tasks();
  for (const Sent& sent : unacknowledged_)
    for (const wire::Tasks& tasks : sent.published) *report_.add_publishing() = tasks;
}

void EchoWorker::keep_alive() {
  timer_ = loop_->call_after(base::seconds(1), [this] { keep_alive(); });
  if (!dealer_->connected()) return;
  const bool stuck = !unacknowledged_.empty() && unacknowledged_.front().sequence == oldest_at_last_look_;
  oldest_at_last_look_ = unacknowledged_.empty() ? 0 : unacknowledged_.front().sequence;
  if (!stuck) {
    tell_publishing();
    return send_report();
  }
  for (const Sent& sent : unacknowledged_)
    if (!dealer_->send(sent.bytes).ok()) return;
}

}  // namespace framemill::bench
