#include "sim/worker_host.h"

#include <fmt/format.h>

#include <utility>

#include "base/digest_bytes.h"

namespace framemill::sim {
namespace {

constexpr base::Duration kCancelGrace = base::seconds(10);
constexpr std::uint64_t kFreeBytes = 1ull << 40;

}  // namespace

WorkerHost::WorkerHost(Farm farm, Random random, std::size_t index, HostPlan plan)
    : farm_(farm), random_(random), index_(index), plan_(std::move(plan)), process_(farm.time) {
  const auto tell = [this](worker::Event event) { happen(std::move(event)); };
  workshop_ =
      std::make_unique<Workshop>(Workshop::Place{process_, farm_.root, farm_.plans, sight_, farm_.facts, farm_.trace,
                                                 index_, plan_.name, plan_.device_class, plan_.reproducible},
                                 Random(random_.next(), "workshop"), plan_.slots, tell);
  storage_ = std::make_unique<HostStorage>(
      HostStorage::Place{process_, farm_.root, sight_, farm_.facts, farm_.trace, index_, plan_.name, plan_.key},
      Random(random_.next(), "storage"), tell);
}

// --- its lives -------------------------------------------------------------------------------------------------------

void WorkerHost::begin() {
  if (has_left_) return;
  process_.begin_life(base::seconds(random_.between(0, 1'000'000)));
  farm_.trace.say(plan_.name, "starts");
  worker::WorkerSettings settings;
  settings.slots = plan_.slots;
  settings.cancel_grace = kCancelGrace;
  conversation_.emplace(random_.next() | 1);
  loop_ = std::make_unique<worker::WorkerLoop>(
      worker::WorkerLoop::Ports{process_, *this, *workshop_, *workshop_, *storage_, *this, *this}, settings);
  loop_->start();
  farm_.network.on_worker(index_, true);
}

void WorkerHost::kill() {
  if (!process_.alive()) return;
  farm_.trace.say(plan_.name, "is killed");
  process_.end_life();
  workshop_->on_worker_death();
  farm_.network.on_worker(index_, false);
}

void WorkerHost::leave() {
  farm_.trace.say(plan_.name, "leaves for good");
  has_left_ = true;
  kill();
}

void WorkerHost::begin_after(base::Duration wait) {
  farm_.time.after(wait, [this] {
    if (!process_.alive()) begin();
  });
}

void WorkerHost::ask_to_stop() {
  if (!process_.alive()) return;
  farm_.trace.say(plan_.name, "is asked to stop");
  process_.post([this] { loop_->stop(); });
}

void WorkerHost::exit() {
  process_.post([this] {
    farm_.trace.say(plan_.name, "has nothing left to do");
    kill();
  });
}

void WorkerHost::lose_root(bool lost) {
  if (std::exchange(sight_.lost, lost) == lost) return;
  sight_changed_ = farm_.time.now();
  if (!process_.alive()) return;
  process_.post([this] { happen(worker::InventoryChanged{}); });
}

// --- its ports -------------------------------------------------------------------------------------------------------

base::Status WorkerHost::send(const worker::Report& report, const wire::Inventory* inventory,
                              const std::vector<wire::FilesLookedFor>& looked_for) {
  farm_.network.send_to_scheduler(index_, conversation_->write(report, inventory, looked_for));
  return {};
}

void WorkerHost::on_connected() {
  process_.post([this] { loop_->on_connected(); });
}

void WorkerHost::on_message(const std::string& bytes) {
  process_.post([this, bytes] {
    if (auto reply = conversation_->take(bytes)) return loop_->on_reply(*std::move(reply));
    if (!conversation_->problem().empty()) farm_.facts.emplace_back(ReplyNotFollowed{index_, conversation_->problem()});
  });
}

wire::Inventory WorkerHost::inventory() const {
  wire::Inventory out;
  out.set_name(plan_.name);
  out.set_version("sim");
  out.set_media(plan_.media);
  wire::Device& device = *out.add_devices();
  device.set_id("cpu0");
  device.set_kind("cpu");
  device.set_name("cpu");
  device.set_memory_bytes_total(plan_.memory_bytes);
  device.set_memory_bytes_budget(plan_.memory_bytes);
  device.set_cpus(4);
  for (std::uint32_t i = 0; i < plan_.slots; ++i) {
    wire::Slot& slot = *out.add_slots();
    slot.set_index(i);
    slot.set_name(fmt::format("s{}", i));
  }
  wire::Package& package = *out.add_packages();
  package.set_name(plan_.package.name);
  package.set_version(plan_.package.version);
  package.set_root_digest(base::raw_bytes(plan_.package.root_digest));
  wire::Root& root = *out.add_roots();
  root.set_name("main");
  root.set_tells_more(true);
  root.set_readable(!sight_.lost);
  root.set_usable(!sight_.lost);
  root.set_free_bytes(kFreeBytes);
  root.set_id("0123456789abcdef0123456789abcdef");
  for (const std::string& command : plan_.commands) out.add_commands(command);
  return out;
}

}  // namespace framemill::sim
