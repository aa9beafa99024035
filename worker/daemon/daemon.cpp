// The turn: events in, effects out, reports when they are due.
#include "worker/daemon/daemon.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "models/package.h"

namespace framemill::worker {
namespace {

constexpr base::Duration kHouseInterval = base::seconds(10);
constexpr int kSweepEveryRounds = 6;
constexpr base::Duration kResendPause = base::milliseconds(200);
constexpr int kReportsPerTurnMax = 16;
constexpr std::size_t kNameBytesMax = 128;

WorkerSettings core_settings(const DaemonSetup& setup) {
  WorkerSettings settings;
  settings.slots = static_cast<std::uint32_t>(setup.host.slots.size());
  settings.drain_timeout = setup.config.drain_timeout;
  return settings;
}

StorageSettings storage_settings(const DaemonSetup& setup) {
  StorageSettings settings;
  settings.roots = setup.config.roots;
  settings.read_only = setup.config.read_only_roots;
  settings.owner = setup.keys.public_key.z85();
  settings.publish = {setup.group};
  return settings;
}

}  // namespace

Daemon::Daemon(net::EventLoop& loop, DaemonSetup setup)
    : loop_(loop), setup_(std::move(setup)), service_manager_(loop), memory_caps_(MemoryCaps::find()),
      storage_(loop, storage_settings(setup_), [this](Event event) { happen(std::move(event)); }),
      scout_(
          loop, [this]() -> const RootTable& { return storage_.roots(); }, [this] { happen(FilesLookedFor{}); }),
      core_(core_settings(setup_)), executors_(setup_.host.slots.size()), executors_write_(setup_.host.slots.size()) {
  for (const SlotPlan& slot : setup_.host.slots) caps_.push_back(memory_caps_.make(slot.name, slot.host_bytes_max));
}

Daemon::~Daemon() = default;

base::Status Daemon::start() {
  if (refuses_commands(setup_.access) && !setup_.config.commands.empty())
    base::log_error("worker", "{}: no command will be run here (docs/worker-toml.md, [confinement])",
                    describe(setup_.access));
  else
    base::log_info("worker", "confinement of children: {}", describe(setup_.access));
  media_usable_ = ::access(setup_.media.c_str(), X_OK) == 0;
  turning_ = true;  // nothing is sent before the first turn, which knows all of this
  for (TaskRecovered& task : storage_.open()) happened_.emplace_back(std::move(task));
  look_for_packages();
  turning_ = false;

  net::SecureDealerOptions options;
  options.endpoint = setup_.config.scheduler;
  options.keys = setup_.keys;
  options.server_key = setup_.scheduler_key;
  FM_ASSIGN(link_, SchedulerLink::open(
                       loop_, std::move(options), base::random_u64() | 1,
                       {[this](Reply reply) { on_reply(std::move(reply)); }, [this] { happen(LinkConnected{}); }}));
  loop_.on_signal(SIGTERM, [this] { stop_asked(); });
  loop_.on_signal(SIGINT, [this] { stop_asked(); });
  loop_.on_signal(SIGHUP, [this] {
    look_for_packages();
    happen(InventoryChanged{});
  });
  base::log_info("worker", "{} with {} slots on {} devices, for {}", setup_.config.name, setup_.host.slots.size(),
                 setup_.host.devices.size(), setup_.config.scheduler);
  loop_.post([this] {
    happen(TimePassed{});
    service_manager_.ready();
    keep_house();
  });
  return {};
}

// --- the turn --------------------------------------------------------------------------------------------------------

void Daemon::happen(Event event) {
  happened_.push_back(std::move(event));
  if (std::exchange(turning_, true)) return;  // said from within an effect: the turn at work takes it
  while (!happened_.empty()) {
    const Event next = std::move(happened_.front());
    happened_.pop_front();
    for (const Effect& effect : core_.apply(next, base::monotonic_now())) perform(effect);
  }
  log_host_conditions();
  turning_ = false;
  after_turn();
}

void Daemon::perform(const Effect& effect) {
  std::visit([this](const auto& e) { act(e); }, effect);
}

void Daemon::log_host_conditions() {
  std::map<std::pair<std::string, Doing>, std::string> now;
  for (const HostCondition& condition : core_.host_conditions()) {
    const std::pair key{condition.root, condition.doing};
    now[key] = condition.code;
    if (const auto told = conditions_told_.find(key); told != conditions_told_.end() && told->second == condition.code)
      continue;
    const std::string of_root = condition.root.empty() ? "" : " for root " + condition.root;
    base::log_warning("host", "{}: {}; {}", condition.code, base::clean_text(condition.text, 1024),
                      condition.doing == Doing::Reading
                          ? "inputs of root " + condition.root + " cannot be read"
                          : "new work" + of_root + " is kept away, and tried again after a pause");
  }
  for (const auto& [key, code] : conditions_told_)
    if (!now.contains(key)) base::log_info("host", "{} has passed", code);
  conditions_told_ = std::move(now);
}

void Daemon::after_turn() {
  send_reports();
  arm_timer();
}

void Daemon::send_reports() {
  if (!link_ || !link_->connected() || resend_timer_.pending()) return;
  for (int i = 0; i < kReportsPerTurnMax && core_.report_due(base::monotonic_now()); ++i) {
    const Report report = core_.make_report(base::monotonic_now());
    const wire::Inventory told = report.with_inventory ? inventory() : wire::Inventory{};
    const base::Status sent = link_->send(report, &told, scout_.take_news());
    if (sent.ok()) continue;
    // It is lost: all it said must be said again, but not in a tight circle.
    base::log_debug("link", "{}", sent.error().message);
    resend_timer_ = loop_.call_after(kResendPause, [this] { happen(LinkConnected{}); });
    return;
  }
}

void Daemon::arm_timer() {
  base::Instant next = core_.next_deadline();
  if (link_ && link_->connected()) next = std::min(next, core_.next_report());
  if (next == base::kNever) return deadline_timer_.cancel();
  const base::Instant now = base::monotonic_now();
  deadline_timer_ =
      loop_.call_after(next <= now ? base::milliseconds(0) : next - now, [this] { happen(TimePassed{}); });
}

void Daemon::stop_asked() {
  base::log_info(
      "worker", "{}",
      core_.draining() ? "asked to stop again: stopping now" : "asked to stop: finishing the windows in flight");
  service_manager_.stopping();
  happen(StopAsked{});
}

void Daemon::on_reply(Reply reply) {
  for (auto& [attempt, grant] : reply.grants)
    if (!core_.holds(attempt)) grants_.insert_or_assign(attempt, std::move(grant));
  publishes_.merge(reply.publishes);
  manifests_.merge(reply.manifests);
  discards_.merge(reply.discards);
  if (reply.watch) scout_.watch(*reply.watch);
  std::vector<AttemptId> granted;
  for (const Lease& lease : reply.event.grants) granted.push_back(lease.attempt);
  happen(std::move(reply.event));
  // What the core did not take needs no keeping.
  for (const AttemptId& attempt : granted)
    if (!core_.holds(attempt)) grants_.erase(attempt);
  std::erase_if(publishes_, [this](const auto& entry) { return !core_.holds(entry.first); });
  std::erase_if(manifests_, [this](const auto& entry) { return !core_.holds(entry.first); });
  if (link_->accepted() && !std::exchange(swept_once_, true)) sweep_left();
}

// --- the house -------------------------------------------------------------------------------------------------------

void Daemon::keep_house() {
  storage_.refresh();
  look_at_children();
  service_manager_.status(status());
  if (house_rounds_++ % kSweepEveryRounds == kSweepEveryRounds - 1) sweep_left();
  house_timer_ = loop_.call_after(kHouseInterval, [this] { keep_house(); });
}

// A program that prints nothing shows that it goes on by what it uses.
void Daemon::look_at_children() {
  std::map<AttemptId, std::uint64_t> seen;
  std::vector<AttemptId> moved;
  for (const auto& [attempt, child] : children_) {
    const auto work = child->work_done();
    const auto before = children_work_.find(attempt);
    if (!work || before == children_work_.end() || before->second != *work) moved.push_back(attempt);
    seen[attempt] = work.value_or(0);
  }
  children_work_ = std::move(seen);
  for (const AttemptId& attempt : moved) happen(AttemptMoved{attempt});
}

// What earlier runs of this worker left. Only the process that the scheduler accepts: what is there could be the work of
// another one with the same key.
void Daemon::sweep_left() {
  if (link_ && link_->accepted())
    storage_.sweep_left([this](const AttemptId& attempt) { return core_.holds(attempt); });
}

void Daemon::look_for_packages() {
  const models::PackageShelf shelf = models::PackageShelf::open(setup_.config.models);
  for (const base::Error& problem : shelf.problems()) base::log_warning("models", "{}", problem.message);
  packages_.clear();
  for (const std::string& id : shelf.ids()) {
    const models::Package* package = shelf.package(id);
    wire::Package& entry = packages_.emplace_back();
    entry.set_name(package->manifest.name);
    entry.set_version(package->manifest.version);
    entry.set_root_digest(package->root_digest.bytes.data(), package->root_digest.bytes.size());
  }
}

wire::Inventory Daemon::inventory() const {
  wire::Inventory out;
  out.set_name(base::clean_text(setup_.config.name, kNameBytesMax));
  out.set_version(FRAMEMILL_VERSION);
  out.set_media(media_usable_);
  out.set_looks_for_files(true);
  for (const Device& device : setup_.host.devices) {
    wire::Device& entry = *out.add_devices();
    entry.set_id(base::clean_text(device.id, kNameBytesMax));
    entry.set_kind(device.kind);
    entry.set_name(base::clean_text(device.description, kNameBytesMax));
    entry.set_memory_bytes_total(device.memory_bytes_total);
    entry.set_memory_bytes_budget(device.memory_bytes_budget);
    entry.set_cpus(static_cast<std::uint32_t>(device.cpus.size()));
  }
  for (std::size_t i = 0; i < setup_.host.slots.size(); ++i) {
    const Slot& state = core_.slots()[i];
    const SlotPlan& plan = setup_.host.slots[i];
    wire::Slot& entry = *out.add_slots();
    entry.set_index(static_cast<std::uint32_t>(i));
    entry.set_name(plan.name);
    entry.set_device(plan.device);
    entry.set_usable(state.usable() && core_.blocking("", base::monotonic_now()) == nullptr);
    for (const base::Sha256& model : state.loaded_models())
      entry.add_loaded_models(model.bytes.data(), model.bytes.size());
    if (!state.device_class().empty())
      out.mutable_devices(static_cast<int>(plan.device))->set_device_class(state.device_class());
  }
  for (const wire::Package& package : packages_) *out.add_packages() = package;
  for (const wire::Root& root : storage_.states()) {
    wire::Root& entry = *out.add_roots() = root;
    if (core_.blocking(root.name(), base::monotonic_now()) != nullptr) entry.set_usable(false);
  }
  for (const HostCondition& condition : core_.host_conditions()) {
    wire::HostCondition& entry = *out.add_conditions();
    entry.set_code(condition.code);
    entry.set_message(base::clean_text(condition.text, 1024));
    entry.set_root(condition.root);
  }
  if (!refuses_commands(setup_.access))
    for (const auto& [name, program] : setup_.config.commands) out.add_commands(name);
  out.set_confinement(describe(setup_.access));
  return out;
}

std::string Daemon::status() const {
  std::size_t usable = 0;
  for (const Slot& slot : core_.slots()) usable += slot.usable() ? 1 : 0;
  return fmt::format("{}{} of {} slots usable, {} leases; {}", core_.draining() ? "draining; " : "", usable,
                     core_.slots().size(), core_.lease_count(), link_ ? link_->status() : "");
}

}  // namespace framemill::worker
