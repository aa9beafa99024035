#include "stage.h"

#include <algorithm>
#include <concepts>
#include <sstream>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace framemill::scheduler::stage {
namespace {

constexpr std::uint64_t kNextProcess = 1000;  // between the numbers of a worker's processes

struct Line {
  std::ostringstream out;
  Line& add(const char* name) {
    out << name;
    return *this;
  }
  Line& operator<<(const std::string& s) {
    out << " '" << s << "'";
    return *this;
  }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Line& operator<<(Number n) {
    out << ' ' << +n;
    return *this;
  }
  Line& operator<<(PhaseId id) { return *this << id.job.value << id.index; }
  Line& operator<<(TaskRange tasks) { return *this << tasks.first << tasks.count; }
  Line& operator<<(const Cause& cause) { return *this << cause.principal << cause.time.unix_ms << cause.reason; }
};

template <class... Parts>
void add_key(Line& line, const std::tuple<Parts...>& key);
template <class A, class B>
void add_key(Line& line, const std::pair<A, B>& key);
template <class Tag, class Rep>
void add_key(Line& line, base::StrongId<Tag, Rep> id) {
  line << id.value;
}
void add_key(Line&, std::monostate) {}
void add_key(Line& line, AttemptId id) {
  line << id.text();
}
void add_key(Line& line, const auto& key) {
  line << key;
}
template <class... Parts>
void add_key(Line& line, const std::tuple<Parts...>& key) {
  std::apply([&line](const auto&... part) { (add_key(line, part), ...); }, key);
}
template <class A, class B>
void add_key(Line& line, const std::pair<A, B>& key) {
  add_key(line, key.first);
  add_key(line, key.second);
}

// The fields of a record. One that can be compared needs no words of its own here: see is_same().
struct Content {
  Line& line;
  template <std::equality_comparable R>
  void operator()(const R&) const {}
  void operator()(const JobRecord& r) const {
    line << static_cast<int>(r.state) << r.priority << r.version << r.submitted << r.last_change << r.started.unix_ms
         << r.finished.unix_ms << r.swept << r.plan->digest.hex() << r.remake_of.value << r.replaces;
    for (const Hold& hold : r.holds) line << std::string(jobs::name(hold.kind)) << hold.placed << hold.until.unix_ms;
    for (const StuckLayer& stuck : r.stuck) line << stuck.layer << stuck.since.unix_ms << stuck.code << stuck.message;
  }
  void operator()(const PhaseRecord& r) const {
    line << static_cast<int>(r.state) << r.device_class;
    for (const std::uint32_t count : r.counts) line << count;
    line << r.tally.attempts << r.tally.tries_charged << r.tally.windows_run_twice << r.tally.model_loads
         << r.tally.device_us;
  }
  void operator()(const TaskPageRecord& r) const {
    for (const std::uint8_t state : r.states) line << state;
  }
  void operator()(const TaskTroubleRecord& r) const {
    line << r.charged_tries << r.run_alone << r.uncharged_returns << static_cast<int>(r.last_outcome) << r.last_code
         << r.last_message << r.last_attempt.text() << r.last_frame.has_value() << r.last_frame.value_or(0);
    line << r.run_single;
    for (const WorkerId worker : r.failed_on) line << worker.value;
    line << 0;
    for (const WorkerId worker : r.lone_deaths) line << worker.value;
  }
  void operator()(const AttemptRecord& r) const {
    line << r.phase << r.tasks << r.worker.value << r.slot << r.slot_name << r.device_class << r.granted.unix_ms
         << r.ended.unix_ms << r.live << r.tasks_committed << static_cast<int>(r.outcome) << r.code << r.message;
  }
  void operator()(const CommitRecord& r) const { line << r.attempt.text() << r.worker.value << r.root; }
  void operator()(const WorkerRecord& r) const {
    line << r.key << r.name << r.drain_requested << r.quarantined << r.revoked << r.last_change << r.incarnation;
    for (const JobId job : r.blamed_jobs) line << job.value;
  }
  void operator()(const VersionRecord& r) const { line << r.job.value; }
  void operator()(const RootRecord& r) const { line << r.id; }
  void operator()(const SubmitTokenRecord& r) const { line << r.body.hex() << r.job.value; }
  void operator()(const AuditRecord& r) const { line << r.cause << r.verb << r.target; }
  void operator()(const CountersRecord& r) const { line << r.last_job << r.last_worker << r.last_audit; }
  void operator()(const RemakeRecord& r) const {
    line << r.of.value << static_cast<int>(r.outcome) << r.time.unix_ms;
    for (const auto* files : {&r.before, &r.after})
      for (const FileRecord& file : *files) line << file.path << file.size_bytes << file.sha256.hex() << file.frame;
  }
};

// By the words above where the record has them, else by its own ==.
bool is_same(const Record& a, const Record& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&]<class R>(const R& one) {
        if constexpr (std::equality_comparable<R>) return one == std::get<R>(b);
        return text_of(a) == text_of(b);
      },
      a);
}

}  // namespace

std::string text_of(const Record& record) {
  Line line;
  line.out << "kind " << record.index();
  std::visit([&line](const auto& kind) { add_key(line, kind.record_key()); }, record);
  line.out << ':';
  std::visit(Content{line}, record);
  return line.out.str();
}

void StoredRecords::write(const Persist& persist) {
  for (const auto& withdrawn : persist.commits_withdrawn)
    if (commits_.erase(withdrawn) == 0) fault_ = "a commit was withdrawn that never was";
  for (const Record& record : persist.puts) {
    if (const auto* commit = std::get_if<CommitRecord>(&record))
      if (!commits_.emplace(commit->phase, commit->task).second) fault_ = "committed twice: " + text_of(record);
    records_.put(record);
  }
  for (const auto& trouble : persist.troubles_erased) records_.of<TaskTroubleRecord>().erase(trouble);
}

std::vector<CommitRecord> StoredRecords::commits_of(const std::vector<std::pair<PhaseId, TaskIndex>>& tasks) const {
  std::vector<CommitRecord> found;
  for (const auto& [phase, task] : tasks) {
    const auto known = records_.of<CommitRecord>().find({phase, task});
    if (known == records_.of<CommitRecord>().end()) continue;
    CommitRecord commit = known->second;
    for (const auto& [key, remade] : records_.of<RemakeRecord>())
      if (remade.of == phase.job && remade.phase.index == phase.index && remade.task == task &&
          (remade.outcome == RemakeOutcome::Replaced || remade.outcome == RemakeOutcome::SameSamples))
        commit.files = remade.after;
    found.push_back(std::move(commit));
  }
  return found;
}

std::vector<Record> StoredRecords::load() const {
  std::vector<Record> all;
  records_.each([&all]<class R>(const R& record) {
    if constexpr (HistoryRecord<R>) return;
    // Of ended attempts a restart needs those of live jobs that committed.
    if constexpr (std::is_same_v<R, AttemptRecord>)
      if (!record.live && record.tasks_committed == 0) return;
    all.push_back(record);
  });
  return all;
}

Stage::Stage(FarmSettings settings) : settings_(settings), farm_(std::make_unique<Farm>(settings)) {
  if (settings_.epoch.number == 0) {
    settings_.epoch = {1, 77};
    farm_ = std::make_unique<Farm>(settings_);
  }
  carry_out(farm_->begin(now_));
}

Player* Stage::player_of(WorkerId id) {
  const WorkerRecord* record = farm_->worker(id);
  if (record == nullptr) return nullptr;
  for (auto& [name, player] : players_)
    if (player.key == record->key) return &player;
  return nullptr;
}

void Stage::take_back(Player& player, const RevokeLease& revoke) {
  const auto held = player.running.find(revoke.attempt);
  if (player.misses_revokes || held == player.running.end()) return;
  if (!revoke.keep.empty()) {
    held->second.tasks = revoke.keep;
    std::erase_if(player.left[revoke.attempt], [&](TaskIndex task) { return !revoke.keep.contains(task); });
    return;
  }
  player.running.erase(held);
  player.left.erase(revoke.attempt);
}

void Stage::carry_out(Effects effects) {
  store_.write(effects.persist);
  for (const GrantLease& grant : effects.grants)
    if (Player* player = player_of(grant.worker)) {
      player->running[grant.attempt] = grant;
      for (TaskIndex t = grant.tasks.first; t < grant.tasks.end(); ++t) player->left[grant.attempt].insert(t);
    }
  for (const RevokeLease& revoke : effects.revokes)
    if (Player* player = player_of(revoke.worker)) take_back(*player, revoke);
  for (const OrderPublish& order : effects.publishes)
    if (Player* player = player_of(order.worker)) player->duties.push_back(order);
  for (const OrderManifest& order : effects.manifests)
    if (Player* player = player_of(order.worker)) player->manifests.push_back(order);
  for (const WatchFiles& watch : effects.watches)
    if (Player* player = player_of(watch.worker)) player->watched = watch.files;
  for (const OrderDiscard& order : effects.discards)
    if (Player* player = player_of(order.worker)) player->sweeps.push_back(order.job);
  for (const AcknowledgeReport& ack : effects.acknowledgements)
    if (Player* player = player_of(ack.worker); player != nullptr && ack.send_inventory) player->inventory_due = true;
  last_ = std::move(effects);
  check();
}

void Stage::check() {
  if (!fault_.empty()) return;
  fault_ = farm_->sanity_check();
  if (fault_.empty()) fault_ = store_.fault();
  if (!fault_.empty() || !compare_rebuilt) return;
  Farm rebuilt(settings_);
  for (const Record& record : store_.load()) rebuilt.put(record);
  rebuilt.begin(now_);
  fault_ = rebuilt.sanity_check();
  if (!fault_.empty()) {
    fault_ = "rebuilt: " + fault_;
    return;
  }
  const std::vector<Record> live = farm_->records(), again = rebuilt.records();
  for (std::size_t i = 0; i < std::max(live.size(), again.size()); ++i) {
    if (i < live.size() && i < again.size() && is_same(live[i], again[i])) continue;
    const std::string a = i < live.size() ? text_of(live[i]) : "nothing";
    const std::string b = i < again.size() ? text_of(again[i]) : "nothing";
    fault_ = "live:    " + a + "\nrebuilt: " + b;
    return;
  }
}

void Stage::apply(Event event) {
  carry_out(farm_->apply(std::move(event), now_));
}

template <class E>
base::Result<AnswerValue> Stage::ask_any(E event) {
  event.request = ++requests_;
  if (event.cause.principal.empty()) event.cause = {"ana", now_.wall, ""};
  apply(std::move(event));
  for (const Answer& answer : last_.answers)
    if (answer.request == requests_) return answer.value;
  return base::Error{"test.no_answer", "the farm did not answer", "", ""};
}
base::Result<AnswerValue> Stage::ask(JobSubmitted event) {
  return ask_any(std::move(event));
}
base::Result<AnswerValue> Stage::ask(JobChangeAsked event) {
  return ask_any(std::move(event));
}
base::Result<AnswerValue> Stage::ask(WorkerChangeAsked event) {
  return ask_any(std::move(event));
}

void Stage::report(const std::string& name) {
  Player& p = player(name);
  WorkerReported report = std::exchange(p.next, {});
  report.key = p.key;
  report.incarnation = p.incarnation;
  report.sequence = ++p.sequence;
  report.draining = p.draining;
  if (p.inventory_due) report.inventory = p.inventory;
  p.inventory_due = false;
  for (const auto& [id, grant] : p.running) {
    AttemptRunning running;
    running.attempt = id;
    running.task = p.left[id].empty() ? grant.tasks.first : *p.left[id].begin();
    running.step = 1;
    running.steps = 20;
    running.tasks = grant.tasks;
    running.moves = p.stands_still ? 1 : ++p.moves + 1;
    running.usage.lost_us = 2'500'000;  // what it would have on record if it were never heard of again
    report.running.push_back(running);
  }
  for (const JobId job : std::exchange(p.sweeps, {})) report.discarded.push_back(job);
  if (p.tells_publishing) {
    report.publishing.emplace();
    for (const OrderPublish& order : p.duties) report.publishing->push_back({order.phase, order.tasks});
  }
  apply(std::move(report));
  write_manifests(p);
}

namespace {
template <class T>
void prepend(std::vector<T>& to, std::vector<T>& before) {
  to.insert(to.begin(), before.begin(), before.end());
}
}  // namespace

// What both reports brought about is told as one.
void Stage::write_manifests(Player& p) {
  if (!p.writes_manifests || p.manifests.empty() || !p.next.manifests.empty()) return;
  answer_manifests(p, "");
  Effects before = std::move(last_);
  WorkerReported report = std::exchange(p.next, {});
  report.key = p.key;
  report.incarnation = p.incarnation;
  report.sequence = p.sequence;  // an old one: of what it runs it says nothing
  apply(std::move(report));
  prepend(last_.grants, before.grants);
  prepend(last_.revokes, before.revokes);
  prepend(last_.publishes, before.publishes);
  prepend(last_.discards, before.discards);
  prepend(last_.manifests, before.manifests);
  prepend(last_.acknowledgements, before.acknowledgements);
}

void Stage::answer_manifests(Player& player, const std::string& code) {
  for (const OrderManifest& order : std::exchange(player.manifests, {}))
    player.next.manifests.push_back({order.job, order.number, order.revision, code, ""});
}

void Stage::pass(base::Duration time, const std::vector<std::string>& reporting) {
  const base::Instant until = now_.monotonic + time;
  const base::Instant start = now_.monotonic;
  for (std::int64_t second = 1;; ++second) {
    const base::Instant tick = std::min(until, start + base::seconds(second));
    // Each step is taken when the farm asks for it, as the shell does.
    while (farm_->next_deadline() <= tick) {
      const base::Instant due = std::max(farm_->next_deadline(), now_.monotonic);
      now_.wall.unix_ms += (due - now_.monotonic).ms;
      now_.monotonic = due;
      apply(TimePassed{});
      if (!fault_.empty()) return;
    }
    now_.wall.unix_ms += (tick - now_.monotonic).ms;
    now_.monotonic = tick;
    for (const std::string& worker : reporting) report(worker);
    if (tick == until) return;
  }
}

void Stage::restart_farm() {
  settings_.epoch = {settings_.epoch.number + 1, settings_.epoch.nonce * 31 + 7};
  farm_ = std::make_unique<Farm>(settings_);
  for (const Record& record : store_.load()) farm_->put(record);
  carry_out(farm_->begin(now_));
}

void Stage::late_report(const std::string& name) {
  WorkerReported report;
  report.key = player(name).key;
  report.incarnation = player(name).incarnation - kNextProcess;
  report.sequence = 99;
  apply(std::move(report));
}

void Stage::restart_worker(const std::string& name) {
  Player& p = player(name);
  p.incarnation += kNextProcess;
  p.sequence = 0;
  p.inventory_due = true;
  p.running.clear();
  p.left.clear();
  p.duties.clear();
  p.manifests.clear();
  p.watched.clear();
  report(name);
}

std::vector<FileRecord> Stage::files_of(PhaseId phase, TaskIndex task) const {
  const jobs::PhasePlan& plan = farm_->job(phase.job)->plan->phases.at(phase.index);
  const auto file = [&](const std::string& path, jobs::Frame frame) {
    return FileRecord{0, std::to_string(task) + "/" + path.substr(path.rfind('/') + 1), path, 10, {}, {}, frame};
  };
  if (plan.kind == jobs::PhaseKind::Denoise) return {file(latents_path(phase, task), 0)};
  if (plan.kind == jobs::PhaseKind::Encode || plan.kind == jobs::PhaseKind::Sheet)
    return {file(jobs::output_path(plan, 0), 0)};
  const jobs::FrameSet frames = jobs::task_frames(plan, task);
  if (frames.empty()) return {file(jobs::output_path(plan, 0), 0)};  // one file of all frames
  return {file(jobs::output_path(plan, frames.first()), frames.first())};
}

void Stage::finish(Player& player, AttemptId attempt, TaskIndex task) {
  const GrantLease& grant = player.running.at(attempt);
  TaskFinished finished;
  finished.attempt = attempt;
  finished.phase = grant.phase;
  finished.task = task;
  finished.duration_us = 500'000;
  finished.files = files_of(grant.phase, task);
  player.next.finished.push_back(std::move(finished));
  player.left[attempt].erase(task);
  if (!player.left[attempt].empty()) return;
  AttemptEnded ended;
  ended.usage.steps = 20;
  ended.usage.batch_max = std::min(grant.batch_max, grant.tasks.count);
  end(player, attempt, ended);
}

void Stage::end(Player& player, AttemptId attempt, AttemptEnded ended) {
  ended.attempt = attempt;
  player.next.ended.push_back(std::move(ended));
  player.running.erase(attempt);
  player.left.erase(attempt);
}

void Stage::publish_all(Player& player) {
  for (const OrderPublish& order : std::exchange(player.duties, {}))
    player.next.published.push_back({order.phase, order.tasks});
}

}  // namespace framemill::scheduler::stage
