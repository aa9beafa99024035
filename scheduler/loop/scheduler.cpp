#include "scheduler/loop/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <variant>

#include "base/log.h"

namespace framemill::scheduler {
namespace {

// How long a turn may place work: the loop has others to hear. The clock counts milliseconds, so it may be one more.
constexpr base::Duration kPassMost = base::milliseconds(4);
// How soon a reply is tried again that a worker's full queue did not take.
constexpr base::Duration kFlushAgain = base::milliseconds(5);

// One line per change of a job, a layer or a worker, and per attempt that did not end well; a good attempt is for
// --verbose.
void log_event(const EventRow& row) {
  const FarmEvent& event = row.event;
  const base::LogLevel level = is_routine(event) ? base::LogLevel::Debug : base::LogLevel::Info;
  if (!base::log_enabled(level)) return;
  std::string subject;
  if (const JobId job = job_of(event)) subject += fmt::format(" job {}", job.value);
  if (!row.layer_name.empty()) subject += " " + row.layer_name;
  if (!row.worker_name.empty()) subject += " worker " + row.worker_name;
  std::string_view detail = detail_of(event);  // without what the subject says already
  if (detail == row.worker_name) detail = {};
  if (!row.layer_name.empty() && detail.starts_with(row.layer_name + ": "))
    detail.remove_prefix(row.layer_name.size() + 2);
  base::log_line(level, "farm", fmt::format("{}{}{}{}", what_of(event), subject, detail.empty() ? "" : ": ", detail));
}

// Who did what and why: the journal is where a sysadmin looks first.
void log_audit(const AuditRecord& row) {
  base::log_info("audit", "{}: {} {}{}{}", row.cause.principal, row.verb, row.target,
                 row.cause.reason.empty() ? "" : ": ", row.cause.reason);
}

}  // namespace

Scheduler::Scheduler(Ports ports, FarmSettings settings, std::function<void(base::Error)> on_stop)
    : ports_(ports), settings_(settings), on_stop_(std::move(on_stop)) {}
Scheduler::~Scheduler() = default;

base::Status Scheduler::start(const std::function<void(std::vector<Record>)>& restored) {
  FM_ASSIGN(store::LoadedState loaded, ports_.journal.load());
  settings_.epoch = ports_.journal.epoch();
  gate_ = DurabilityGate(loaded.durable_sequence);
  farm_ = std::make_unique<Farm>(settings_);
  for (const Record& record : loaded.records) {
    farm_->put(record);
    if (const auto* worker = std::get_if<WorkerRecord>(&record); worker != nullptr && worker->incarnation != 0)
      ports_.workers.expect(worker->key, worker->incarnation);
  }
  files_ =
      std::make_unique<CommittedFilesCache>([this](PhaseId phase, TaskRange tasks, CommittedFilesCache::Answer answer) {
        return ports_.journal.files_of(phase, tasks, std::move(answer));
      });
  // Not from within the turn that granted it.
  const auto on_undeliverable = [this](GrantUndeliverable event) {
    post([this, event = std::move(event)] { apply(event); });
  };
  orders_ = std::make_unique<OrderWriter>(settings_.epoch, *farm_, *files_, ports_.workers,
                                          OrderWriter::Callbacks{on_undeliverable, [this] { flush_soon(); }});
  orders_->set_durable_sequence(gate_.durable_sequence());
  base::log_info("scheduler", "epoch {}, {} records restored, durable sequence {}", settings_.epoch.number,
                 loaded.records.size(), gate_.durable_sequence());
  if (restored) restored(std::move(loaded.records));
  carry_out(farm_->begin(ports_.loop.now()));
  return {};
}

void Scheduler::post(std::function<void()> function) {
  ports_.loop.post([alive = std::weak_ptr<bool>(alive_), function = std::move(function)] {
    if (!alive.expired()) function();
  });
}

void Scheduler::apply(Event event) {
  if (turn_begun_) turn_begun_();
  const base::Now now = ports_.loop.now();
  carry_out(farm_->apply(std::move(event), now,
                         [this, now] { return ports_.loop.now().monotonic - now.monotonic >= kPassMost; }));
  if (turn_over_) turn_over_();
}

void Scheduler::on_journal_full(const base::Error& error) {
  base::log_error("store", "{}: read-only, disk full. Running work and queries continue; free at least 32 MiB",
                  error.message);
  disk_full_ = true;
  show_health();
  apply(StorageBroke{});
}

void Scheduler::on_journal_recovered() {
  base::log_info("store", "disk space recovered; accepting changes");
  disk_full_ = false;
  show_health();
  apply(StorageRecovered{});
}

void Scheduler::on_journal_failed(const base::Error& error) {
  stop_reason_ = error.message;
  show_health();
  on_stop_(error);
}

void Scheduler::find_commits(const std::vector<std::pair<PhaseId, TaskIndex>>& tasks,
                             std::function<void(base::Result<std::vector<CommitRecord>>)> done) {
  std::vector<CommittedFilesCache::Key> keys;
  for (const auto& [phase, task] : tasks) keys.push_back({phase, task});
  files_->find(keys, [keys, done = std::move(done)](base::Result<CommittedFilesCache::Found> found) {
    if (!found.ok()) return done(found.error());
    std::vector<CommitRecord> commits;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!(*found)[i]) continue;
      CommitRecord& commit = commits.emplace_back();
      commit.phase = keys[i].phase;
      commit.task = keys[i].task;
      commit.root = (*found)[i]->root;
      commit.files = (*found)[i]->files;
    }
    done(std::move(commits));
  });
}

RequestId Scheduler::expect(std::function<void(base::Result<AnswerValue>)> on_answer) {
  waiting_.emplace(++last_request_, std::move(on_answer));
  return last_request_;
}

void Scheduler::carry_out(Effects effects) {
  if (turn_watch_) turn_watch_(effects);
  show_views();
  for (const auto& [phase, task] : effects.persist.commits_withdrawn) files_->forget(phase, task);
  for (const Record& record : effects.persist.puts) {
    if (const auto* commit = std::get_if<CommitRecord>(&record)) files_->remember(*commit);
    if (const auto* remade = std::get_if<RemakeRecord>(&record)) files_->take_place(*remade);
    if (const auto* row = std::get_if<AuditRecord>(&record)) log_audit(*row);
  }
  for (const GrantLease& grant : effects.grants) orders_->add(grant);
  for (const WatchFiles& watch : effects.watches) orders_->add(watch);
  gate_.add(std::move(effects.persist), std::move(static_cast<Deferred&>(effects)));
  write_and_release();
  flush_soon();
  schedule_deadline();
}

// The journal gets its next batch first: it writes while the loop says what the last one has made durable.
void Scheduler::write_and_release() {
  while (auto batch = gate_.next_batch()) {
    const base::Status written = ports_.journal.write_turns(
        *std::move(batch), [this, alive = std::weak_ptr<bool>(alive_)](store::WriteResult result) {
          if (alive.expired()) return;
          gate_.batch_is_durable(result.durable_sequence);
          orders_->set_durable_sequence(result.durable_sequence);
          write_and_release();
          flush_soon();
        });
    if (!written.ok()) return on_journal_failed(written.error());
  }
  // An answer may begin a turn, whose effects come after those at work.
  if (std::exchange(releasing_, true)) return;
  while (auto released = gate_.next_released()) release(*std::move(released));
  releasing_ = false;
}

void Scheduler::release(DurabilityGate::Released released) {
  Deferred& effects = released.effects;
  for (const RevokeLease& revoke : effects.revokes) orders_->add(revoke);
  for (const OrderPublish& order : effects.publishes) orders_->add(order);
  for (const OrderManifest& order : effects.manifests) orders_->add(order);
  for (const OrderDiscard& order : effects.discards) orders_->add(order);
  for (const AcknowledgeReport& acknowledgement : effects.acknowledgements) orders_->add(acknowledgement);
  for (Answer& value : effects.answers) answer(std::move(value));
  if (!effects.happened.empty()) publish_events(std::move(effects.happened), released.durable_sequence);
}

void Scheduler::answer(Answer answer) {
  const auto waiting = waiting_.extract(answer.request);
  if (waiting) waiting.mapped()(std::move(answer.value));
}

void Scheduler::publish_events(std::vector<FarmEvent> happened, std::uint64_t durable_sequence) {
  // Events of turns that changed no record still need an id of their own.
  event_sequence_ = std::max(event_sequence_ + 1, durable_sequence);
  EventBatch batch{settings_.epoch.number, event_sequence_, ports_.loop.now().wall, {}};
  for (FarmEvent& event : happened) {
    batch.events.push_back(named(std::move(event)));
    log_event(batch.events.back());
  }
  if (event_sink_) event_sink_(std::move(batch));
}

EventRow Scheduler::named(FarmEvent event) const {
  EventRow row;
  const JobId id = job_of(event);
  const JobRecord* job = id ? farm_->job(id) : nullptr;
  if (const auto layer = layer_of(event); layer && job != nullptr && *layer < job->spec->layers.size())
    row.layer_name = job->spec->layers[*layer].name;
  const WorkerId of_worker = worker_of(event);
  if (const WorkerRecord* worker = of_worker ? farm_->worker(of_worker) : nullptr) row.worker_name = worker->name;
  row.event = std::move(event);
  return row;
}

// Reports that arrived together are answered together: one reply per worker instead of one per turn.
void Scheduler::flush_soon() {
  if (std::exchange(flush_posted_, true)) return;
  post([this] {
    flush_posted_ = false;
    orders_->flush();
    if (orders_->holding_back()) flush_again_ = ports_.loop.call_after(kFlushAgain, [this] { flush_soon(); });
  });
}

void Scheduler::schedule_deadline() {
  const base::Instant due = farm_->next_deadline();
  if (due == base::kNever) return deadline_.cancel();
  const base::Duration wait = std::max(base::milliseconds(0), due - ports_.loop.now().monotonic);
  // The turn itself is posted, so that messages which came in meanwhile are applied before anything expires.
  deadline_ = ports_.loop.call_after(wait, [this] { post([this] { apply(TimePassed{}); }); });
}

void Scheduler::on_views(std::function<void(ViewChanges, Health)> sink) {
  view_sink_ = std::move(sink);
  if (!view_sink_) return;
  view_sink_(farm_->take_all_views(ports_.loop.now()), health());
  show_views();
}

void Scheduler::show_views() {
  if (!view_sink_) return;
  const base::Now now = ports_.loop.now();
  if (farm_->views_due() <= now.monotonic) view_sink_(farm_->take_views(now), health());
  const base::Instant due = farm_->views_due();
  if (views_timer_.pending() && views_timer_due_ <= due) return;
  views_timer_due_ = due;
  views_timer_ = ports_.loop.call_after(std::max(base::milliseconds(1), due - now.monotonic), [this] { show_views(); });
}

void Scheduler::show_health() {
  if (view_sink_) view_sink_({}, health());
}

Health Scheduler::health() const {
  Health health{true, "ready", false, gate_.durable_sequence(), ports_.journal.epoch().number};
  if (!stop_reason_.empty()) {
    health.ready = false;
    health.stopping = true;
    health.sentence = "stopping: " + stop_reason_;
  } else if (disk_full_) {
    health.ready = false;
    health.sentence = "the job store's disk is full: changes are refused";
  }
  return health;
}

}  // namespace framemill::scheduler
