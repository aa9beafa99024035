#include "scheduler/daemon/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "base/digest_bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "jobs/manifest_groups.h"
#include "scheduler/link/report.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kBatchesInFlightMax = 2;

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

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

}  // namespace

bool Scheduler::Held::empty() const {
  return revokes.empty() && publishes.empty() && manifests.empty() && discards.empty() && acknowledgements.empty() &&
         answers.empty() && happened.empty();
}

void Scheduler::Held::take(Effects& effects) {
  append(revokes, effects.revokes);
  append(publishes, effects.publishes);
  append(manifests, effects.manifests);
  append(discards, effects.discards);
  append(acknowledgements, effects.acknowledgements);
  append(answers, effects.answers);
  append(happened, effects.happened);
}

Scheduler::Scheduler(net::EventLoop& loop, std::function<void(base::Error)> on_stop)
    : loop_(loop), on_stop_(std::move(on_stop)) {}
Scheduler::~Scheduler() = default;

base::Result<std::unique_ptr<Scheduler>> Scheduler::start(net::EventLoop& loop, Options options,
                                                          std::function<void(base::Error)> on_stop) {
  std::unique_ptr<Scheduler> scheduler(new Scheduler(loop, std::move(on_stop)));
  FM_TRY(scheduler->open(std::move(options)));
  return scheduler;
}

base::Status Scheduler::open(Options options) {
  store::StoreOptions store_options;
  store_options.epoch_nonce = base::random_u64();
  const auto post = [this, alive = std::weak_ptr<bool>(alive_)](std::function<void()> function) {
    loop_.post([alive, function = std::move(function)] {
      if (!alive.expired()) function();
    });
  };
  store_options.on_disk_full = [this, post](base::Error error) {
    post([this, error] {
      base::log_error("store", "{}: read-only, disk full. Running work and queries continue; free at least 32 MiB",
                      error.message);
      disk_full_ = true;
      apply(StorageBroke{});
    });
  };
  store_options.on_disk_recovered = [this, post] {
    post([this] {
      base::log_info("store", "disk space recovered; accepting changes");
      disk_full_ = false;
      apply(StorageRecovered{});
    });
  };
  store_options.on_fatal = [this, post](base::Error error) {
    post([this, error] {
      stop_reason_ = error.message;
      on_stop_(error);
    });
  };
  FM_ASSIGN(store_, store::Store::open(options.database, std::move(store_options)));
  FM_ASSIGN(store::LoadedState loaded, store_->load());
  durable_sequence_ = loaded.durable_sequence;

  FarmSettings settings;
  settings.epoch = store_->epoch();
  settings.lease_ttl = options.lease_ttl;
  settings.silence_alarm = options.silence_alarm;
  settings.missing_after = options.missing_after;
  settings.progress_timeout = options.progress_timeout;
  farm_ = Farm(settings);
  for (const Record& record : loaded.records) farm_.put(record);

  files_ = std::make_unique<CommittedFilesCache>(loop_, *store_);
  FM_ASSIGN(link_, WorkerLink::open(loop_, std::move(options.link), options.silence_alarm,
                                    {[this](WorkerReported report) { apply(std::move(report)); },
                                     [this](WorkerKeyContested event) { apply(std::move(event)); }}));
  for (const Record& record : loaded.records)
    if (const auto* worker = std::get_if<WorkerRecord>(&record); worker != nullptr && worker->incarnation != 0)
      link_->expect(worker->key, worker->incarnation);
  outbox_ = std::make_unique<Outbox>(settings.epoch, [this](WorkerId worker, const wire::SchedulerReply& reply) {
    const WorkerRecord* record = farm_.worker(worker);
    return record != nullptr ? link_->send(record->key, reply) : WorkerLink::Sent::Gone;
  });
  outbox_->set_durable_sequence(durable_sequence_);
  base::log_info("scheduler", "epoch {}, {} records restored, durable sequence {}, workers connect to {}",
                 settings.epoch.number, loaded.records.size(), durable_sequence_, link_->endpoint());
  carry_out(farm_.begin(base::now()));
  return {};
}

void Scheduler::apply(Event event) {
  carry_out(farm_.apply(std::move(event), base::now()));
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

// The states of a job's tasks, as a sheet shows them: of a remake, those of the job that it belongs to.
TaskRuns Scheduler::runs_for(const JobRecord& job) const {
  return [this, of = job.remake_of](PhaseId phase) {
    if (of && farm_.job(of) != nullptr) phase.job = of;
    return farm_.task_runs(phase);
  };
}

RequestId Scheduler::expect(std::function<void(base::Result<AnswerValue>)> on_answer) {
  waiting_.emplace(++last_request_, std::move(on_answer));
  return last_request_;
}

void Scheduler::carry_out(Effects effects) {
  for (const Record& record : effects.persist.puts) {
    if (const auto* commit = std::get_if<CommitRecord>(&record)) files_->remember(*commit);
    if (const auto* remade = std::get_if<RemakeRecord>(&record)) files_->take_place(*remade);
  }
  for (const GrantLease& grant : effects.grants) send_grant(grant);
  for (const WatchFiles& watch : effects.watches) outbox_->add(watch);
  if (!effects.persist.empty()) gathering_.push_back(std::move(effects.persist));
  gathering_held_.take(effects);
  write_batch();
  flush_soon();
  schedule_deadline();
}

// Hands the gathered batch to the store, unless two are in flight. A turn that changed nothing waits for the batch
// before it, so that nothing is said before what it builds on is durable.
void Scheduler::write_batch() {
  if (gathering_.empty()) {
    if (gathering_held_.empty()) return;
    if (in_flight_.empty()) {
      release(std::exchange(gathering_held_, {}));
    } else {
      Held& last = in_flight_.back();
      Effects rest;
      rest.revokes = std::move(gathering_held_.revokes);
      rest.publishes = std::move(gathering_held_.publishes);
      rest.manifests = std::move(gathering_held_.manifests);
      rest.discards = std::move(gathering_held_.discards);
      rest.acknowledgements = std::move(gathering_held_.acknowledgements);
      rest.answers = std::move(gathering_held_.answers);
      rest.happened = std::move(gathering_held_.happened);
      last.take(rest);
      gathering_held_ = {};
    }
    return;
  }
  if (in_flight_.size() >= kBatchesInFlightMax) return;
  const base::Status written = store_->write_turns(
      std::exchange(gathering_, {}), [this, alive = std::weak_ptr<bool>(alive_)](store::WriteResult result) {
        loop_.post([this, alive, result] {
          if (!alive.expired()) on_durable(result.durable_sequence);
        });
      });
  if (!written.ok()) {
    stop_reason_ = written.error().message;
    return on_stop_(written.error());
  }
  in_flight_.push_back(std::exchange(gathering_held_, {}));
}

void Scheduler::on_durable(std::uint64_t sequence) {
  durable_sequence_ = sequence;
  outbox_->set_durable_sequence(sequence);
  Held held = std::move(in_flight_.front());
  in_flight_.pop_front();
  write_batch();
  release(std::move(held));
  flush_soon();
}

void Scheduler::release(Held held) {
  for (const RevokeLease& revoke : held.revokes) outbox_->add(revoke);
  for (const OrderPublish& order : held.publishes) send_publish(order);
  for (const OrderManifest& order : held.manifests) send_manifest(order);
  for (const OrderDiscard& order : held.discards) send_discard(order);
  for (const AcknowledgeReport& acknowledgement : held.acknowledgements) outbox_->add(acknowledgement);
  for (Answer& answer : held.answers) {
    const auto waiting = waiting_.find(answer.request);
    if (waiting == waiting_.end()) continue;
    auto on_answer = std::move(waiting->second);
    waiting_.erase(waiting);
    on_answer(std::move(answer.value));
  }
  if (held.happened.empty()) return;
  // Events of turns that changed no record still need an id of their own.
  event_sequence_ = std::max(event_sequence_ + 1, durable_sequence_);
  EventBatch batch{store_->epoch().number, event_sequence_, base::wall_now(), {}};
  for (FarmEvent& event : held.happened) {
    batch.events.push_back(named(std::move(event)));
    log_event(batch.events.back());
  }
  if (event_sink_) event_sink_(std::move(batch));
}

EventRow Scheduler::named(FarmEvent event) const {
  EventRow row;
  const JobId id = job_of(event);
  const JobRecord* job = id ? farm_.job(id) : nullptr;
  if (const auto layer = layer_of(event); layer && job != nullptr && *layer < job->spec->layers.size())
    row.layer_name = job->spec->layers[*layer].name;
  const WorkerId of_worker = worker_of(event);
  if (const WorkerRecord* worker = of_worker ? farm_.worker(of_worker) : nullptr) row.worker_name = worker->name;
  row.event = std::move(event);
  return row;
}

void Scheduler::send_grant(const GrantLease& lease) {
  const JobRecord* job = farm_.job(lease.phase.job);
  if (job == nullptr) return;
  auto grant = std::make_shared<wire::Grant>();
  attempt_to_wire(lease.attempt, *grant->mutable_attempt());
  grant->mutable_tasks()->set_job(lease.phase.job.value);
  grant->mutable_tasks()->set_phase(lease.phase.index);
  grant->mutable_tasks()->set_first(lease.tasks.first);
  grant->mutable_tasks()->set_count(lease.tasks.count);
  grant->set_slot(lease.slot);
  grant->set_lease_ttl_ms(static_cast<std::uint32_t>(lease.lease_ttl.ms));
  grant->set_timeout_ms(static_cast<std::uint64_t>(lease.timeout.ms));
  grant->set_booking_bytes(lease.booking_bytes);
  grant->set_batch_max(lease.batch_max);
  write_recipe(*job, lease.phase.index, *grant->mutable_recipe());
  if (grant->recipe().has_sheet())
    write_failed_frames(*job, lease.phase.index, runs_for(*job), *grant->mutable_recipe()->mutable_sheet());
  grant->set_remake_of(job->remake_of.value);
  write_root_inputs(*job, lease.phase.index, lease.tasks, *grant);

  std::vector<WantedInput> wanted;
  std::vector<CommittedFilesCache::Key> keys;
  for (const WantedInput& input : wanted_inputs(*job, lease.phase.index, lease.tasks))
    for (TaskIndex t = input.tasks.first; t < input.tasks.end(); ++t) {
      // A sheet is made of what is there; what was committed and could not get its name is not.
      if (farm_.task_state(input.phase, t) != jobs::TaskState::Published) continue;
      wanted.push_back(input);
      keys.push_back({farm_.committed_as(input.phase, t), t});
    }
  files_->find(keys, [this, grant, wanted, worker = lease.worker,
                      id = lease.phase](base::Result<CommittedFilesCache::Found> found) {
    const JobRecord* record = farm_.job(id.job);
    if (record == nullptr) return;
    if (!found.ok())
      return base::log_error("scheduler", "job {}: inputs of a grant: {}", id.job.value, found.error().message);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if ((*found)[i]) write_input(*record, wanted[i], *(*found)[i], *grant);
    order_inputs(*grant);
    if (const std::size_t bytes = grant->ByteSizeLong(); bytes > wire::kFarmItemBytesMax)
      return refuse_grant(*grant, bytes);
    outbox_->add(worker, *grant);
    flush_soon();
  });
}

void Scheduler::refuse_grant(const wire::Grant& grant, std::size_t bytes) {
  GrantUndeliverable event{
      attempt_from_wire(grant.attempt()), "grant.too_large",
      fmt::format("The grant with its {} inputs takes {} bytes; a message holds {}. Use shorter paths, or fewer inputs "
                  "in one task.",
                  grant.inputs_size(), bytes, wire::kFarmItemBytesMax)};
  // Not from within the turn that granted it.
  loop_.post([this, alive = std::weak_ptr<bool>(alive_), event = std::move(event)] {
    if (!alive.expired()) apply(event);
  });
}

void Scheduler::send_publish(const OrderPublish& order) {
  std::vector<CommittedFilesCache::Key> keys;
  for (TaskIndex t = order.tasks.first; t < order.tasks.end(); ++t) keys.push_back({order.phase, t});
  files_->find(keys, [this, order](base::Result<CommittedFilesCache::Found> found) {
    // Too many questions at once (store.busy): the core orders again what is not published in time.
    if (!found.ok()) return base::log_debug("scheduler", "files to publish: {}", found.error().message);
    const JobRecord* job = farm_.job(order.phase.job);
    const bool on_record =
        job != nullptr && !job->remake_of && jobs::is_on_manifest(job->plan->phases[order.phase.index]);
    for (std::size_t i = 0; i < found->size(); ++i) {
      if (!(*found)[i]) continue;
      const CommittedFiles& committed = *(*found)[i];
      wire::PublishOrder out;
      attempt_to_wire(committed.attempt, *out.mutable_attempt());  // after a restart the order names none
      out.mutable_tasks()->set_job(order.phase.job.value);
      out.mutable_tasks()->set_phase(order.phase.index);
      out.mutable_tasks()->set_first(order.tasks.first + static_cast<TaskIndex>(i));
      out.mutable_tasks()->set_count(1);
      out.set_root(committed.root);
      out.set_on_record(on_record);
      for (const FileRecord& file : committed.files) write_file(file, *out.add_files());
      const TaskIndex task = order.tasks.first + static_cast<TaskIndex>(i);
      if (const RemakeRecord* remade = farm_.remade(order.phase, task); remade != nullptr && job != nullptr)
        write_remake(*job, *remade, farm_.job(remade->of), *out.mutable_remake());
      outbox_->add(order.worker, std::move(out));
    }
    flush_soon();
  });
}

void Scheduler::send_manifest(const OrderManifest& order) {
  const JobRecord* job = farm_.job(order.job);
  if (job == nullptr) return;
  wire::ManifestOrder out;
  write_manifest_order(*job, order.number, [this](PhaseId phase) { return farm_.task_runs(phase); }, out);
  // What has changed meanwhile is ordered anew by the core.
  if (out.revision() == order.revision) outbox_->add(order.worker, std::move(out));
}

void Scheduler::send_discard(const OrderDiscard& order) {
  const JobRecord* job = farm_.job(order.job);
  if (job == nullptr) return;
  std::set<std::string> roots;
  for (const jobs::PhasePlan& phase : job->plan->phases) roots.insert(phase.root);
  outbox_->add(order, {roots.begin(), roots.end()});
}

// Reports that arrived together are answered together: one reply per worker instead of one per turn.
void Scheduler::flush_soon() {
  if (std::exchange(flush_posted_, true)) return;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    flush_posted_ = false;
    outbox_->flush();
    if (outbox_->holding_back()) flush_again_ = loop_.call_after(base::milliseconds(5), [this] { flush_soon(); });
  });
}

void Scheduler::schedule_deadline() {
  const base::Instant due = farm_.next_deadline();
  if (due == base::kNever) return deadline_.cancel();
  const base::Duration wait = std::max(base::milliseconds(0), due - base::monotonic_now());
  // The turn itself is posted, so that messages which came in meanwhile are applied before anything expires.
  deadline_ = loop_.call_after(wait, [this] {
    loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) apply(TimePassed{});
    });
  });
}

Health Scheduler::health() const {
  Health health{true, "ready", false, durable_sequence_, store_->epoch().number};
  if (!stop_reason_.empty()) {
    health.ready = false;
    health.stopping = true;
    health.sentence = "stopping: " + stop_reason_;
  } else if (disk_full_) {
    health.ready = false;
    health.sentence = "the disk of the job store is full: changes are refused";
  }
  return health;
}

}  // namespace framemill::scheduler
