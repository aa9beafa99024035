// What the worker's process is, and how its parts are joined.
#include "worker/daemon/daemon.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "models/package.h"
#include "wire/convert.h"

namespace framemill::worker {
namespace {

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
  settings.previews = setup.config.previews.enabled && ::access(setup.media.c_str(), X_OK) == 0;
  return settings;
}

}  // namespace

Daemon::Daemon(net::EventLoop& loop, DaemonSetup setup)
    : loop_(loop), setup_(std::move(setup)), service_manager_(loop), memory_caps_(MemoryCaps::find()),
      storage_(loop, storage_settings(setup_), [this](Event event) { happen(std::move(event)); }),
      scout_(
          loop, [this]() -> const RootTable& { return storage_.roots(); }, [this] { happen(FilesLookedFor{}); }),
      executors_(loop, setup_, storage_, caps_, [this](Event event) { happen(std::move(event)); }),
      children_(loop, setup_, storage_, caps_, [this](Event event) { happen(std::move(event)); }),
      previews_(loop, setup_, storage_) {
  for (const SlotPlan& slot : setup_.host.slots) caps_.push_back(memory_caps_.make(slot.name, slot.host_bytes_max));
}

Daemon::~Daemon() = default;

base::Status Daemon::start() {
  if (refuses_commands(setup_.access) && !setup_.config.commands.empty())
    base::log_error("worker",
                    "commands cannot be confined ({}): none will be run here (docs/worker-toml.md, [confinement])",
                    describe(setup_.access));
  else
    base::log_info("worker", "confinement of children: {} {}", jobs::name(command_confinement(setup_.access)),
                   describe(setup_.access));
  media_usable_ = ::access(setup_.media.c_str(), X_OK) == 0;
  look_for_packages();
  if (setup_.config.previews.enabled && media_usable_)
    storage_.on_published([this](const wire::PublishOrder& order) { previews_.offer(order); });

  net::SecureDealerOptions options;
  options.endpoint = setup_.config.scheduler;
  options.keys = setup_.keys;
  options.server_key = setup_.scheduler_key;
  FM_ASSIGN(link_, SchedulerLink::open(loop_, std::move(options), base::random_u64() | 1,
                                       {[this](Reply reply) { worker_->on_reply(std::move(reply)); },
                                        [this] { worker_->on_connected(); }}));
  worker_ = std::make_unique<WorkerLoop>(
      WorkerLoop::Ports{loop_, *link_, executors_, children_, storage_, scout_, *this}, core_settings(setup_));
  worker_->start();
  const auto stop = [this] {
    executors_.stopping();
    worker_->stop();
  };
  loop_.on_signal(SIGTERM, stop);
  loop_.on_signal(SIGINT, stop);
  loop_.on_signal(SIGHUP, [this] {
    look_for_packages();
    happen(InventoryChanged{});
  });
  base::log_info("worker", "{} with {} slots on {} devices, for {}", setup_.config.name, setup_.host.slots.size(),
                 setup_.host.devices.size(), setup_.config.scheduler);
  return {};
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
    const SlotPlan& plan = setup_.host.slots[i];
    wire::Slot& entry = *out.add_slots();
    entry.set_index(static_cast<std::uint32_t>(i));
    entry.set_name(plan.name);
    entry.set_device(plan.device);
  }
  for (const wire::Package& package : packages_) *out.add_packages() = package;
  for (const wire::Root& root : storage_.states()) *out.add_roots() = root;
  if (!refuses_commands(setup_.access))
    for (const auto& [name, program] : setup_.config.commands) out.add_commands(name);
  out.set_confinement(describe(setup_.access));
  out.set_command_confinement(wire::confinement_to_wire(command_confinement(setup_.access)));
  return out;
}

}  // namespace framemill::worker
