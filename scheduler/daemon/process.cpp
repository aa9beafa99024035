#include "scheduler/daemon/process.h"

#include <utility>

#include "base/file.h"
#include "base/log.h"

namespace framemill::scheduler {
namespace {

Lineage lineage_of(const store::EpochHistory& history) {
  std::vector<Lineage::Start> starts;
  for (const store::EpochStart& start : history.starts) starts.push_back({start.epoch, start.durable_sequence});
  return {std::move(starts), history.era};
}

}  // namespace

base::Result<std::unique_ptr<SchedulerProcess>> SchedulerProcess::start(net::EventLoop& loop, Options options,
                                                                        std::function<void(base::Error)> on_stop) {
  std::unique_ptr<SchedulerProcess> process(new SchedulerProcess);
  FM_TRY(process->open(loop, std::move(options), std::move(on_stop)));
  return process;
}

base::Status SchedulerProcess::open(net::EventLoop& loop, Options options, std::function<void(base::Error)> on_stop) {
  store::StoreOptions store_options;
  store_options.epoch_nonce = base::random_u64();
  store_options.deliver = [&loop, alive = std::weak_ptr<bool>(alive_)](std::function<void()> function) {
    loop.post([alive, function = std::move(function)] {
      if (!alive.expired()) function();
    });
  };
  store_options.on_disk_full = [this](const base::Error& error) { scheduler_->on_journal_full(error); };
  store_options.on_disk_recovered = [this] { scheduler_->on_journal_recovered(); };
  store_options.on_fatal = [this](const base::Error& error) { scheduler_->on_journal_failed(error); };
  store_options.on_commit = std::move(options.on_commit);
  store_options.on_durable = std::move(options.on_durable);
  FM_ASSIGN(store_, store::Store::open(options.database, std::move(store_options)));
  FM_ASSIGN(link_, WorkerLink::open(loop, std::move(options.link), options.settings.silence_alarm,
                                    {[this](WorkerReported report) { scheduler_->apply(std::move(report)); },
                                     [this](WorkerKeyContested event) { scheduler_->apply(std::move(event)); }}));
  link_->know_history(lineage_of(store_->epoch_history()));
  scheduler_ =
      std::make_unique<Scheduler>(Scheduler::Ports{loop, *store_, *link_}, options.settings, std::move(on_stop));
  base::log_info("scheduler", "workers connect to {}", link_->endpoint());
  return scheduler_->start(options.on_restored);
}

}  // namespace framemill::scheduler
