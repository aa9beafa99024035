#include "worker/loop/worker_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/log.h"
#include "base/text.h"

namespace framemill::worker {
namespace {

constexpr base::Duration kHouseInterval = base::seconds(10);
constexpr int kSweepEveryRounds = 6;
constexpr base::Duration kResendPause = base::milliseconds(200);
constexpr int kReportsPerTurnMax = 16;
constexpr std::size_t kConditionBytesMax = 1024;

}  // namespace

WorkerLoop::WorkerLoop(Ports ports, WorkerSettings settings) : ports_(ports), core_(settings) {}

void WorkerLoop::start() {
  turning_ = true;  // what storage says meanwhile waits for the first turn, which knows all of this
  for (TaskRecovered& task : ports_.storage.open()) happened_.emplace_back(std::move(task));
  turning_ = false;
  ports_.loop.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    happen(TimePassed{});
    ports_.host.say_ready();
    run_housekeeping();
  });
}

// --- the turn --------------------------------------------------------------------------------------------------------

void WorkerLoop::happen(Event event) {
  happened_.push_back(std::move(event));
  if (std::exchange(turning_, true)) return;
  while (!happened_.empty()) {
    const Event next = std::move(happened_.front());
    happened_.pop_front();
    for (const Effect& effect : core_.apply(next, ports_.loop.now().monotonic))
      std::visit([this](const auto& e) { act(e); }, effect);
  }
  log_host_conditions();
  turning_ = false;
  send_reports();
  arm_timer();
}

void WorkerLoop::send_reports() {
  if (!ports_.scheduler.connected() || resend_.pending()) return;
  for (int i = 0; i < kReportsPerTurnMax && core_.report_due(ports_.loop.now().monotonic); ++i) {
    const Report report = core_.make_report(ports_.loop.now().monotonic);
    const wire::Inventory told = report.with_inventory ? inventory() : wire::Inventory{};
    const base::Status sent = ports_.scheduler.send(report, &told, ports_.scout.take_news());
    if (sent.ok()) continue;
    // It is lost: all it said must be said again, but not in a tight circle.
    base::log_debug("link", "{}", sent.error().message);
    resend_ = ports_.loop.call_after(kResendPause, [this] { happen(LinkConnected{}); });
    return;
  }
}

void WorkerLoop::arm_timer() {
  base::Instant next = core_.next_deadline();
  if (ports_.scheduler.connected()) next = std::min(next, core_.next_report());
  if (next == base::kNever) return deadline_.cancel();
  const base::Duration wait = std::max(base::milliseconds(0), next - ports_.loop.now().monotonic);
  deadline_ = ports_.loop.call_after(wait, [this] { happen(TimePassed{}); });
}

void WorkerLoop::on_reply(Reply reply) {
  for (auto& [attempt, grant] : reply.grants)
    if (!core_.holds(attempt)) grants_.insert_or_assign(attempt, std::move(grant));
  publishes_.merge(reply.publishes);
  manifests_.merge(reply.manifests);
  discards_.merge(reply.discards);
  if (reply.watch) ports_.scout.watch(*reply.watch);
  std::vector<AttemptId> granted;
  for (const Lease& lease : reply.event.grants) granted.push_back(lease.attempt);
  happen(std::move(reply.event));
  // What the core did not take needs no keeping.
  for (const AttemptId& attempt : granted)
    if (!core_.holds(attempt)) grants_.erase(attempt);
  std::erase_if(publishes_, [this](const auto& entry) { return !core_.holds(entry.first); });
  std::erase_if(manifests_, [this](const auto& entry) { return !core_.holds(entry.first); });
  if (ports_.scheduler.accepted() && !std::exchange(swept_once_, true)) sweep_left();
}

void WorkerLoop::stop() {
  base::log_info(
      "worker", "{}",
      core_.draining() ? "asked to stop again: stopping now" : "asked to stop: finishing the windows in flight");
  ports_.host.say_stopping();
  happen(StopRequested{});
}

void WorkerLoop::act(const ForgetAttempt& e) {
  grants_.erase(e.attempt);
  ports_.executors.forget(e.attempt);
  ports_.children.forget(e.attempt);
}

void WorkerLoop::act(const Publish& e) {
  if (const auto order = publishes_.extract(e.duty)) ports_.storage.publish(e.duty, order.mapped());
}

void WorkerLoop::act(const Discard& e) {
  const auto roots = discards_.extract(e.job);
  ports_.storage.discard(e.job, roots ? roots.mapped() : std::vector<std::string>{});
}

void WorkerLoop::act(const WriteManifest& e) {
  if (const auto order = manifests_.extract(e.duty)) ports_.storage.write_manifest(e.duty, order.mapped());
}

void WorkerLoop::act(const Exit&) {
  base::log_info("worker", "exiting with {} unacknowledged reports", core_.unacknowledged_count());
  ports_.host.exit();
}

// --- the house -------------------------------------------------------------------------------------------------------

void WorkerLoop::run_housekeeping() {
  ports_.storage.refresh();
  for (const AttemptId& attempt : ports_.children.moved()) happen(AttemptMoved{attempt});
  ports_.host.say_status(status());
  if (house_rounds_++ % kSweepEveryRounds == kSweepEveryRounds - 1) sweep_left();
  house_ = ports_.loop.call_after(kHouseInterval, [this] { run_housekeeping(); });
}

// What earlier runs of this worker left. Only the process that the scheduler accepts: what is there could be the work of
// another one with the same key.
void WorkerLoop::sweep_left() {
  if (ports_.scheduler.accepted())
    ports_.storage.sweep_left([this](const AttemptId& attempt) { return core_.holds(attempt); });
}

void WorkerLoop::log_host_conditions() {
  std::map<std::pair<std::string, Doing>, std::string> now;
  for (const HostCondition& condition : core_.host_conditions()) {
    const std::pair key{condition.root, condition.doing};
    now[key] = condition.code;
    if (const auto told = conditions_told_.find(key); told != conditions_told_.end() && told->second == condition.code)
      continue;
    const std::string of_root = condition.root.empty() ? "" : fmt::format(" for root {}", condition.root);
    base::log_warning("host", "{}: {}; {}", condition.code, base::clean_text(condition.text, kConditionBytesMax),
                      condition.doing == Doing::Reading
                          ? fmt::format("inputs of root {} cannot be read", condition.root)
                          : fmt::format("new work{} is kept away, and tried again after a pause", of_root));
  }
  for (const auto& [key, code] : conditions_told_)
    if (!now.contains(key)) base::log_info("host", "{} has passed", code);
  conditions_told_ = std::move(now);
}

// What the host says of itself, and what the core knows of its slots, roots and conditions.
wire::Inventory WorkerLoop::inventory() const {
  wire::Inventory out = ports_.host.inventory();
  const base::Instant now = ports_.loop.now().monotonic;
  for (wire::Slot& entry : *out.mutable_slots()) {
    const Slot& state = core_.slots()[entry.index()];
    entry.set_usable(state.usable() && core_.blocking("", now) == nullptr);
    for (const base::Sha256& model : state.loaded_models())
      entry.add_loaded_models(model.bytes.data(), model.bytes.size());
    if (!state.device_class().empty())
      out.mutable_devices(static_cast<int>(entry.device()))->set_device_class(state.device_class());
  }
  for (wire::Root& root : *out.mutable_roots())
    if (core_.blocking(root.name(), now) != nullptr) root.set_usable(false);
  for (const HostCondition& condition : core_.host_conditions()) {
    wire::HostCondition& entry = *out.add_conditions();
    entry.set_code(condition.code);
    entry.set_message(base::clean_text(condition.text, kConditionBytesMax));
    entry.set_root(condition.root);
  }
  return out;
}

std::string WorkerLoop::status() const {
  std::size_t usable = 0;
  for (const Slot& slot : core_.slots()) usable += slot.usable() ? 1 : 0;
  return fmt::format("{}{} of {} slots usable, {} leases; {}", core_.draining() ? "draining; " : "", usable,
                     core_.slots().size(), core_.lease_count(), ports_.scheduler.status());
}

}  // namespace framemill::worker
