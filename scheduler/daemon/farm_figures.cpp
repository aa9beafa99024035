#include "scheduler/daemon/farm_figures.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <system_error>

namespace framemill::scheduler {
namespace {

using monitoring::Page;

// Numbers by the words of a closed list; words that nothing has stand there with 0, so that a rule sees them.
class Tally {
 public:
  void name(std::string_view word) { numbers_.try_emplace(std::string(word), 0); }
  void add(std::string_view word, double amount = 1) { numbers_[std::string(word)] += amount; }
  void write(Page& page, const std::string& metric, const std::string& help, const std::string& label) const {
    for (const auto& [word, number] : numbers_) page.gauge(metric, help, number, {{label, word}});
  }

 private:
  std::map<std::string, double> numbers_;
};

constexpr std::array kJobStates = {jobs::JobState::Queued, jobs::JobState::Running, jobs::JobState::Paused,
                                   jobs::JobState::Done,   jobs::JobState::Failed,  jobs::JobState::Cancelled};
constexpr std::array kConditions = {Condition::Kind::Stuck, Condition::Kind::Blocked, Condition::Kind::Starved,
                                    Condition::Kind::InputMissing};
constexpr std::array kWorkerStates = {jobs::WorkerState::Up, jobs::WorkerState::Silent, jobs::WorkerState::Draining,
                                      jobs::WorkerState::Drained, jobs::WorkerState::Revoked};

// Why tasks of a live job that nobody holds are not at work; each is counted under one reason.
void count_idle(Tally& reasons, const JobView& job, const LayerView& layer) {
  const auto count = [&](jobs::TaskState state) {
    return static_cast<double>(layer.tasks[static_cast<std::size_t>(state)]);
  };
  const bool file_missing = std::any_of(job.missing_inputs.begin(), job.missing_inputs.end(),
                                        [&](const MissingInputView& missing) { return missing.layer == layer.name; });
  reasons.add(file_missing ? "input_missing" : "dependency", count(jobs::TaskState::Waiting));
  const std::string_view why = !job.holds.empty()                                 ? "held"
                               : layer.condition.kind == Condition::Kind::Stuck   ? "stuck"
                               : layer.condition.kind == Condition::Kind::Blocked ? "blocked"
                               : job.condition.kind == Condition::Kind::Starved   ? "starved"
                                                                                  : "queued";
  reasons.add(why, count(jobs::TaskState::Ready));
}

}  // namespace

void write_jobs(Page& page, const std::vector<JobRow>& jobs) {
  Tally states, conditions, tasks, reasons;
  for (const auto state : kJobStates) states.name(jobs::name(state));
  for (const auto kind : kConditions) conditions.name(name(kind));
  for (int i = 0; i < jobs::kTaskStateCount; ++i) tasks.name(jobs::name(static_cast<jobs::TaskState>(i)));
  for (const char* why : {"dependency", "input_missing", "held", "stuck", "blocked", "starved", "queued"})
    reasons.name(why);
  for (const JobRow& job : jobs) {
    states.add(jobs::name(job->state));
    if (jobs::is_final(job->state)) continue;
    if (job->condition.kind != Condition::Kind::None) conditions.add(name(job->condition.kind));
    for (int i = 0; i < jobs::kTaskStateCount; ++i)
      tasks.add(jobs::name(static_cast<jobs::TaskState>(i)),
                static_cast<double>(job->tasks[static_cast<std::size_t>(i)]));
    for (const LayerView& layer : job->layers) count_idle(reasons, *job, layer);
  }
  states.write(page, "framemill_jobs", "Jobs in memory: all that are not over, and the newest of those that are.",
               "state");
  conditions.write(page, "framemill_jobs_with_condition", "Jobs that are not over and make no progress, by condition.",
                   "condition");
  tasks.write(page, "framemill_tasks", "Tasks of jobs that are not over.", "state");
  reasons.write(page, "framemill_tasks_blocked",
                "Waiting and ready tasks of jobs that are not over, by what they wait for.", "reason");
}

void write_workers(Page& page, const std::vector<WorkerRow>& workers) {
  Tally states, slots;
  for (const auto state : kWorkerStates) states.name(jobs::name(state));
  for (const char* state : {"busy", "idle", "unusable"}) slots.name(state);
  double quarantined = 0, booked = 0, budget = 0, set_aside = 0;
  std::map<std::string, std::uint64_t> free_bytes;  // by root: what the tightest host has
  for (const WorkerRow& worker : workers) {
    states.add(jobs::name(worker->state));
    quarantined += worker->quarantined && worker->state != jobs::WorkerState::Revoked ? 1 : 0;
    if (worker->state != jobs::WorkerState::Up && worker->state != jobs::WorkerState::Draining) continue;
    set_aside += static_cast<double>(worker->set_aside.size());
    for (const SlotActivity& slot : worker->slots) {
      slots.add(!slot.leases.empty() ? "busy" : slot.usable ? "idle" : "unusable");
      booked += static_cast<double>(slot.booked_bytes);
      budget += static_cast<double>(slot.budget_bytes);
    }
    for (const RootSeen& root : worker->roots) {
      if (!root.usable) continue;
      const auto [known, is_new] = free_bytes.try_emplace(root.name, root.free_bytes);
      if (!is_new) known->second = std::min(known->second, root.free_bytes);
    }
  }
  states.write(page, "framemill_workers", "Workers on record.", "state");
  page.gauge("framemill_workers_quarantined", "Workers that get no work because work of several jobs failed there.",
             quarantined);
  slots.write(page, "framemill_slots", "Slots of workers that are up or draining.", "state");
  page.gauge("framemill_layers_set_aside", "Layers of which a worker gets no more for now, summed over workers.",
             set_aside);
  page.gauge("framemill_memory_booked_bytes", "Device memory booked in slots of workers that are up or draining.",
             booked);
  page.gauge("framemill_memory_budget_bytes", "Device memory that may be booked there.", budget);
  for (const auto& [root, bytes] : free_bytes)
    page.gauge("framemill_root_free_bytes", "Free space of a root, on the worker that reports the least.",
               static_cast<double>(bytes), {{"root", root}});
}

void write_health(Page& page, const Health& health, const std::string& version) {
  page.gauge("framemill_build_info", "Always 1; the labels name the program that answers.", 1,
             {{"version", version}, {"api", "framemill/v1"}});
  page.gauge("framemill_ready", "1 while submits are taken and work is granted; as /readyz.", health.ready ? 1 : 0);
  page.gauge("framemill_epoch", "Number of this start of the scheduler.", health.epoch);
}

void write_store(Page& page, const store::StoreCounters& counters, const std::filesystem::path& database) {
  const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
  page.counter("framemill_store_transactions_total", "Transactions committed.", count(counters.transactions));
  page.counter("framemill_store_records_total", "Records written.", count(counters.records));
  page.gauge("framemill_store_batches_queued", "Batches that wait for the store's thread.", counters.batches_queued);
  page.gauge("framemill_store_disk_full", "1 while the store's disk is full and changes are refused.",
             counters.disk_full ? 1 : 0);
  page.gauge("framemill_store_durable_sequence", "Number of the last transaction that is on disk.",
             count(counters.durable_sequence));
  std::error_code error;
  if (const auto bytes = std::filesystem::file_size(database, error); !error)
    page.gauge("framemill_store_size_bytes", "Size of the job store's database file.", count(bytes));
  const auto wal_bytes = std::filesystem::file_size(database.string() + "-wal", error);
  page.gauge("framemill_store_wal_size_bytes", "Size of its write-ahead log.", error ? 0 : count(wal_bytes));
  if (const auto space = std::filesystem::space(database.parent_path(), error); !error)
    page.gauge("framemill_store_free_bytes", "Free space on the store's disk.", count(space.available));
}

void write_link(Page& page, const net::SecureRouterCounters& counters) {
  const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
  page.counter("framemill_link_peers_admitted_total", "Connections of workers that were let in.",
               count(counters.peers_admitted));
  const std::string refused = "framemill_link_peers_refused_total";
  const std::string help = "Connections to the workers' port that were refused. key: not listed; handshake: no CURVE.";
  page.counter(refused, help, count(counters.peers_refused_key), {{"reason", "key"}});
  page.counter(refused, help, count(counters.peers_refused_handshake), {{"reason", "handshake"}});
  page.counter("framemill_link_connections_closed_total", "Connections to the workers' port that ended.",
               count(counters.connections_closed));
  page.counter("framemill_link_messages_received_total", "Messages of workers.", count(counters.messages_received));
  page.counter("framemill_link_messages_dropped_total", "Messages that were not read: too large, or of a removed key.",
               count(counters.messages_dropped));
  page.counter("framemill_link_messages_sent_total", "Messages to workers.", count(counters.messages_sent));
  page.counter("framemill_link_sends_refused_total", "Messages to workers that could not be sent: sent again later.",
               count(counters.sends_refused));
}

}  // namespace framemill::scheduler
