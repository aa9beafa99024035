#include "sim/stored_records.h"

#include <concepts>
#include <sstream>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace framemill::sim {

using namespace scheduler;  // the records' own words

namespace {

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
    line << r.deadline.unix_ms;
    for (const AwaitedJob& awaited : r.awaits) line << awaited.job.value << awaited.any_end;
    for (const Hold& hold : r.holds) line << std::string(jobs::name(hold.kind)) << hold.placed << hold.until.unix_ms;
    for (const StuckLayer& stuck : r.stuck) line << stuck.layer << stuck.since.unix_ms << stuck.code << stuck.message;
  }
  void operator()(const PhaseRecord& r) const {
    line << static_cast<int>(r.state) << r.device_class;
    for (const std::uint32_t count : r.counts) line << count;
    line << r.tally.attempts << r.tally.tries_charged << r.tally.windows_run_twice << r.tally.model_loads
         << r.tally.device_us << r.file_waits.clock.ms;
    for (const FileWaits::Span& span : r.file_waits.spans)
      line << span.tasks.first << span.tasks.count << span.since.ms << span.wall_since.unix_ms;
  }
  void operator()(const TaskPageRecord& r) const {
    for (const std::uint8_t state : r.states) line << state;
  }
  void operator()(const TaskTroubleRecord& r) const {
    line << r.charged_tries << r.isolate << r.uncharged_returns << static_cast<int>(r.last_outcome) << r.last_code
         << r.last_message << r.last_attempt.text() << r.last_frame.has_value() << r.last_frame.value_or(0);
    line << r.run_single;
    for (const WorkerId worker : r.failed_on) line << worker.value;
    line << 0;
    for (const WorkerId worker : r.isolated_crashes) line << worker.value;
  }
  void operator()(const AttemptRecord& r) const {
    line << r.phase << r.tasks << r.worker.value << r.slot << r.slot_name << r.device_class << r.granted.unix_ms
         << r.ended.unix_ms << r.live << r.tasks_committed << static_cast<int>(r.outcome) << r.code << r.message;
  }
  void operator()(const CommitRecord& r) const { line << r.attempt.text() << r.worker.value << r.root; }
  void operator()(const WorkerRecord& r) const {
    line << r.key << r.name << r.drain_requested << r.quarantined << r.revoked << r.last_change << r.incarnation;
    line << r.drain_at.unix_ms << r.drain_planned;
    for (const JobId job : r.blamed_jobs) line << job.value;
  }
  void operator()(const VersionRecord& r) const { line << r.job.value; }
  void operator()(const RootRecord& r) const { line << r.id; }
  void operator()(const LimitRecord& r) const { line << r.count << r.configured << r.cause; }
  void operator()(const SubmitTokenRecord& r) const { line << r.body.hex() << r.job.value; }
  void operator()(const AuditRecord& r) const { line << r.cause << r.verb << r.target; }
  void operator()(const CountersRecord& r) const { line << r.last_job << r.last_worker << r.last_audit; }
  void operator()(const RemakeRecord& r) const {
    line << r.of.value << static_cast<int>(r.outcome) << r.time.unix_ms;
    for (const auto* files : {&r.before, &r.after})
      for (const FileRecord& file : *files) line << file.path << file.size_bytes << file.sha256.hex() << file.frame;
  }
};

}  // namespace

std::string text_of(const Record& record) {
  Line line;
  line.out << "kind " << record.index();
  std::visit([&line](const auto& kind) { add_key(line, kind.record_key()); }, record);
  line.out << ':';
  std::visit(Content{line}, record);
  return line.out.str();
}

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

const CommitRecord* StoredRecords::commit_of(PhaseId phase, TaskIndex task) const {
  if (!commits_.contains({phase, task})) return nullptr;
  return &records_.of<CommitRecord>().at({phase, task});
}

}  // namespace framemill::sim
