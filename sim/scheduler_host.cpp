#include "sim/scheduler_host.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "scheduler/link/report.h"

namespace framemill::sim {
namespace {

constexpr base::Duration kReturnTime = base::seconds(5);  // as scheduler/link/worker_link.h

}  // namespace

SchedulerHost::SchedulerHost(Farm farm, Random random, scheduler::FarmSettings settings)
    : farm_(std::move(farm)), random_(random), settings_(settings) {}

scheduler::FarmSettings SchedulerHost::settings() const {
  scheduler::FarmSettings settings = settings_;
  settings.epoch = farm_.journal.epoch();
  return settings;
}

// --- its lives -------------------------------------------------------------------------------------------------------

void SchedulerHost::begin() {
  farm_.process.begin_life(base::seconds(random_.between(0, 1'000'000)));
  farm_.trace.say("scheduler", "starts");
  farm_.facts.emplace_back(SchedulerBegan{});
  seats_.clear();
  heard_.clear();
  produced_ = farm_.journal.durable();
  for (const auto& [id, record] : produced_.all().of<scheduler::WorkerRecord>())
    heard_[index_of(record.key)].incarnation = record.incarnation;
  changes_ = 0;
  const base::Error full{"store.disk_full", "the disk is full", "", ""};
  farm_.journal.open({[this, full] { loop_->on_journal_full(full); }, [this] { loop_->on_journal_recovered(); }});
  loop_ =
      std::make_unique<scheduler::Scheduler>(scheduler::Scheduler::Ports{farm_.process, farm_.journal, *this},
                                             settings_, [](const base::Error& error) { FM_CHECK(false, error.message); });
  loop_->on_turn([this](const scheduler::Effects& effects) { see(effects); });
  farm_.network.on_scheduler(true);
  FM_CHECK(loop_->start().ok(), "the scheduler does not start");
  loop_->on_views([](const scheduler::ViewChanges&, const scheduler::Health&) {});  // rows are copied as for people
}

void SchedulerHost::kill() {
  if (!alive()) return;
  farm_.trace.say("scheduler", "is killed");
  farm_.process.end_life();
  farm_.journal.on_death();
  farm_.network.on_scheduler(false);
  loop_.reset();
}

void SchedulerHost::begin_after(base::Duration wait) {
  farm_.time.after(wait, [this] {
    if (!alive()) begin();
  });
}

// --- what is seen of it ----------------------------------------------------------------------------------------------

void SchedulerHost::see(const scheduler::Effects& effects) {
  if (!effects.persist.empty()) ++changes_;
  produced_.write(effects.persist);
  farm_.facts.emplace_back(TurnTaken{changes_, std::make_shared<const scheduler::Effects>(effects)});
  for (const scheduler::FarmEvent& event : effects.happened)
    farm_.trace.say("scheduler", "{} job {} worker {} {}", scheduler::what_of(event), scheduler::job_of(event).value,
                    scheduler::worker_of(event).value, scheduler::detail_of(event));
  for (const scheduler::GrantLease& grant : effects.grants) {
    farm_.plans[grant.phase.job] = core().job(grant.phase.job)->plan;
    farm_.trace.say("scheduler", "grants attempt {}: job {} phase {} tasks {}+{}", grant.attempt.text(),
                    grant.phase.job.value, grant.phase.index, grant.tasks.first, grant.tasks.count);
  }
  for (const scheduler::RevokeLease& revoke : effects.revokes)
    farm_.trace.say("scheduler", "revokes attempt {}", revoke.attempt.text());
}

scheduler::RequestId SchedulerHost::expect(OnAnswer on_answer) {
  const auto id = std::make_shared<scheduler::RequestId>(0);
  *id = loop_->expect([this, id, on_answer = std::move(on_answer)](base::Result<scheduler::AnswerValue> answer) {
    farm_.facts.emplace_back(AnswerLeft{*id, farm_.journal.turns_durable()});
    on_answer(std::move(answer));
  });
  return *id;
}

// --- the wire --------------------------------------------------------------------------------------------------------

std::size_t SchedulerHost::index_of(const std::string& key) const {
  const auto& keys = farm_.worker_keys;
  return static_cast<std::size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin());
}

void SchedulerHost::expect(const std::string& worker_key, std::uint64_t incarnation) {
  seats_[index_of(worker_key)] = {0, incarnation, farm_.time.now()};
}

// As scheduler/link/worker_link.cpp: a process of another incarnation takes the seat once the former one's connection
// has ended, or has been silent for the alarm's time.
bool SchedulerHost::is_taken(std::size_t worker, const Seat& seat, std::uint64_t incarnation) const {
  if (seat.incarnation == 0 || seat.incarnation == incarnation) return false;
  const base::Duration silent = farm_.time.now() - seat.heard;
  if (seat.connection == 0) return silent < kReturnTime;
  return silent < settings_.silence_alarm && farm_.network.connection(worker) == seat.connection;
}

ReportReached SchedulerHost::reached(std::size_t worker, const scheduler::WorkerReported& report) {
  ReportReached out{worker, {}, report.incarnation, report.sequence, report.draining};
  for (const scheduler::AttemptRunning& running : report.running) out.named.push_back(running.attempt);
  if (report.inventory) out.root_usable = report.inventory->roots.at(0).usable;
  Heard& heard = heard_[worker];
  out.is_former = heard.former != 0 && report.incarnation == heard.former;
  if (out.is_former) return out;
  if (report.incarnation != heard.incarnation) heard = {report.incarnation, heard.incarnation, 0};
  out.is_newest = report.sequence > heard.sequence;
  heard.sequence = std::max(heard.sequence, report.sequence);
  return out;
}

void SchedulerHost::on_message(std::size_t worker, std::uint64_t connection, const std::string& bytes) {
  farm_.process.post([this, worker, connection, bytes] {
    auto report = scheduler::parse_report(bytes, farm_.worker_keys[worker]);
    FM_CHECK(report.ok() && report->refused.empty(), "a worker wrote a report that the scheduler cannot read");
    Seat& seat = seats_[worker];
    if (is_taken(worker, seat, report->event.incarnation)) return;
    seat = {connection, report->event.incarnation, farm_.time.now()};
    report->event.address = "10.0.0.1";
    farm_.facts.emplace_back(reached(worker, report->event));
    loop_->apply(std::move(report->event));
  });
}

scheduler::WorkerPort::Sent SchedulerHost::send(const std::string& worker_key, const wire::SchedulerReply& reply) {
  const std::size_t worker = index_of(worker_key);
  const auto seat = seats_.find(worker);
  const bool connected = seat != seats_.end() && seat->second.connection != 0 &&
                         farm_.network.connection(worker) == seat->second.connection;
  if (!connected) return Sent::Gone;
  farm_.facts.emplace_back(
      ReplyLeft{worker, farm_.journal.turns_durable(), std::make_shared<const wire::SchedulerReply>(reply)});
  farm_.network.send_to_worker(worker, reply.SerializeAsString());
  return Sent::Yes;
}

}  // namespace framemill::sim
