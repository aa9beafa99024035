#include "tests/scheduler_store/support.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>

#include "base/file.h"

namespace framemill::scheduler::store::testing {
namespace {

struct NoPackages : jobs::PackageCatalogue {
  const jobs::PackageFacts* find(std::string_view) const override { return nullptr; }
  std::vector<std::string> ids() const override { return {}; }
  base::Status check_prompt(std::string_view, std::string_view) const override { return {}; }
};

std::string text(const Cause& cause) {
  return fmt::format("{} {} {}", cause.principal, cause.time.unix_ms, cause.reason);
}
std::string text(PhaseId phase) {
  return fmt::format("{}/{}", phase.job.value, phase.index);
}
std::string text(const jobs::MemoryPrior& memory) {
  return fmt::format("{} {} {}", memory.resident_bytes, memory.per_window_bytes, memory.host_bytes);
}

struct ToText {
  std::string operator()(const JobRecord& job) const {
    std::string packages;
    for (const jobs::PackageFacts& p : job.packages)
      packages +=
          fmt::format("[{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}]", p.id(), p.root_digest.hex(),
                      p.window_frames, p.context_frames, p.time_ratio.mul, p.time_ratio.add, static_cast<int>(p.carry),
                      p.width, p.height, p.fps, p.default_steps, p.steps_max, p.default_guidance, p.guidance_max,
                      p.colour_space, text(p.cpu_memory), text(p.cuda_memory), p.batch_max);
    std::string stuck;
    for (const StuckLayer& layer : job.stuck)
      stuck += fmt::format("[{} {} {} {}]", layer.layer, layer.since.unix_ms, layer.code, layer.message);
    std::string holds;
    for (const Hold& hold : job.holds)
      holds += fmt::format("[{} {} {}]", jobs::name(hold.kind), text(hold.placed), hold.until.unix_ms);
    std::string awaits;
    for (const AwaitedJob& awaited : job.awaits) awaits += fmt::format("[{} {}]", awaited.job.value, awaited.any_end);
    return fmt::format("job {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", job.id.value,
                       jobs::canonical_json(*job.spec), jobs::plan_json(*job.plan), packages, job.version,
                       jobs::name(job.state), holds, job.priority, text(job.submitted), text(job.last_change),
                       job.started.unix_ms, job.finished.unix_ms, job.swept, stuck, job.remake_of.value, job.replaces,
                       job.deadline.unix_ms, awaits);
  }
  std::string operator()(const PhaseRecord& phase) const {
    const PhaseTally& tally = phase.tally;
    std::string waits = std::to_string(phase.file_waits.clock.ms);
    for (const FileWaits::Span& span : phase.file_waits.spans)
      waits += fmt::format("[{} {} {} {}]", span.tasks.first, span.tasks.count, span.since.ms, span.wall_since.unix_ms);
    return fmt::format("phase {} {} {} {} {} {} {} {} {} {}", text(phase.id), jobs::name(phase.state),
                       fmt::join(phase.counts, ","), phase.device_class, tally.attempts, tally.tries_charged,
                       tally.windows_run_twice, tally.model_loads, tally.device_us, waits);
  }
  std::string operator()(const TaskPageRecord& page) const {
    return fmt::format("page {} {} {}", text(page.phase), page.page, base::to_hex(page.states));
  }
  std::string operator()(const TaskTroubleRecord& t) const {
    std::string deaths;
    for (const WorkerId worker : t.isolated_crashes) deaths += fmt::format("{},", worker.value);
    const std::string frame = t.last_frame ? std::to_string(*t.last_frame) : "none";
    std::string failed_on;
    for (const WorkerId worker : t.failed_on) failed_on += fmt::format("{},", worker.value);
    return fmt::format("trouble {} {} {} {} {} {} {} {} {} {} {} {} {}", text(t.phase), t.task, t.charged_tries, deaths,
                       t.isolate, t.uncharged_returns, jobs::outcome_row(t.last_outcome).code, t.last_code,
                       t.last_message, t.last_attempt.text(), frame, failed_on, t.run_single);
  }
  std::string operator()(const AttemptRecord& a) const {
    const UsageTotals& u = a.usage;
    std::string sizes;
    for (const BatchSize& size : u.batch_sizes) sizes += fmt::format("{}x{},", size.calls, size.windows);
    return fmt::format(
        "attempt {} {} {}+{} {} {} {} {} {} {} {} {} {} {} {} | {} {} {} {} {} {} {} {} {} {} | {} {} {} "
        "{} | {}",
        a.id.text(), text(a.phase), a.tasks.first, a.tasks.count, a.worker.value, a.slot, a.slot_name, a.device_class,
        a.granted.unix_ms, a.ended.unix_ms, a.live, a.tasks_committed, jobs::outcome_row(a.outcome).code, a.code,
        a.message, u.load_us, u.compute_us, u.write_us, u.lost_us, u.wall_us, u.model_loads, u.steps, u.batch_max,
        fmt::join(u.batch_mates, ","), u.peak_bytes, fmt::join(a.devices, ","), sizes, a.files_written, a.files_read,
        a.output_tail);
  }
  std::string operator()(const CommitRecord& c) const {
    std::string files, reads;
    for (const FileRecord& f : c.files)
      files += fmt::format("[{} {} {} {} {} {} {}]", f.kind, f.staged, f.path, f.size_bytes, f.sha256.hex(),
                           f.samples_sha256.hex(), f.frame);
    for (const ReadRecord& r : c.reads)
      reads += fmt::format("[{} {} {} {}]", r.root, r.path, r.size_bytes, r.sha256.hex());
    return fmt::format("commit {} {} {} {} {} {} {} {} {} {}", text(c.phase), c.task, c.attempt.text(), c.worker.value,
                       c.root, c.device_class, c.time.unix_ms, c.duration_us, files, reads);
  }
  std::string operator()(const WorkerRecord& w) const {
    std::string blamed;
    for (const JobId job : w.blamed_jobs) blamed += fmt::format("{},", job.value);
    return fmt::format("worker {} {} {} {} {} {} {} {} {} {} {}", w.id.value, w.key, w.name, w.drain_requested,
                       w.quarantined, w.revoked, text(w.last_change), blamed, w.incarnation, w.drain_at.unix_ms,
                       text(w.drain_planned));
  }
  std::string operator()(const VersionRecord& v) const {
    return fmt::format("version {} {} {} {} {}", v.show, v.sequence, v.shot, v.version, v.job.value);
  }
  std::string operator()(const RootRecord& r) const { return fmt::format("root {} {}", r.name, r.id); }
  std::string operator()(const LimitRecord& l) const {
    return fmt::format("limit {} {} {} {}", l.name, l.count, l.configured, text(l.cause));
  }
  std::string operator()(const SubmitTokenRecord& t) const {
    return fmt::format("token {} {} {} {}", t.principal, t.token, t.body.hex(), t.job.value);
  }
  std::string operator()(const AuditRecord& a) const {
    return fmt::format("audit {} {} {} {}", a.sequence, text(a.cause), a.verb, a.target);
  }
  std::string operator()(const RemakeRecord& r) const {
    std::string files;
    for (const auto* list : {&r.before, &r.after}) {
      files += list == &r.before ? " before" : " after";
      for (const FileRecord& f : *list)
        files += fmt::format("[{} {} {} {} {} {} {}]", f.kind, f.staged, f.path, f.size_bytes, f.sha256.hex(),
                             f.samples_sha256.hex(), f.frame);
    }
    return fmt::format("remade {} {} {} {} {}{}", text(r.phase), r.task, r.of.value, static_cast<int>(r.outcome),
                       r.time.unix_ms, files);
  }
  std::string operator()(const ShareUsageRecord& u) const {
    return fmt::format("share usage {} {} {} {}", u.show, u.user, u.used_us, u.at.unix_ms);
  }
  std::string operator()(const ShareRulesRecord& s) const {
    return fmt::format("share rules {} {} {} {} {}", s.path, s.rules.weight.value_or(-1),
                       s.rules.guarantee ? static_cast<int>(*s.rules.guarantee) : -1,
                       s.rules.slots_max ? static_cast<int>(*s.rules.slots_max) : -1, text(s.last_change));
  }
  std::string operator()(const CountersRecord& c) const {
    return fmt::format("counters {} {} {}", c.last_job, c.last_worker, c.last_audit);
  }
};

}  // namespace

TempDirectory::TempDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "framemill-store-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<Store> open_store(const std::filesystem::path& path, StoreOptions options) {
  options.epoch_nonce = base::random_u64();
  if (options.ballast_bytes == StoreOptions{}.ballast_bytes) options.ballast_bytes = 64 << 10;
  if (!options.on_fatal)
    options.on_fatal = [](base::Error error) {
      fmt::print(stderr, "the store stopped: {}: {}\n", error.code, error.message);
      std::abort();
    };
  auto store = Store::open(path, std::move(options));
  if (!store.ok()) FAIL(store.error().code + ": " + store.error().message);
  return std::move(store).value();
}

std::uint64_t write_now(Store& store, Persist batch) {
  std::promise<std::uint64_t> durable;
  store.write(std::move(batch), [&](WriteResult result) { durable.set_value(result.durable_sequence); }).value();
  return durable.get_future().get();
}

std::uint64_t write_now(Store& store, std::vector<Record> puts) {
  return write_now(store, Persist{std::move(puts), {}});
}

std::string text_of(const Record& record) {
  return std::visit(ToText{}, record);
}

std::vector<std::string> texts_of(const std::vector<Record>& records) {
  std::vector<std::string> texts;
  for (const Record& record : records) texts.push_back(text_of(record));
  return texts;
}

Cause sample_cause(std::string principal) {
  return {std::move(principal), {1'795'000'000'123}, "because it's \"needed\""};
}

JobRecord sample_job(std::uint32_t id, std::vector<int> tasks) {
  std::string toml =
      fmt::format("api = \"framemill/v1\"\nname = \"job {}\"\nshow = \"harbor\"\nshot = \"hb_0010\"\n", id);
  int layer = 0;
  for (const int count : tasks) {
    toml += fmt::format(
        "[[layer]]\nname = \"step{}\"\nkind = \"command\"\nargv = [\"echo\", \"{{frame}}\"]\nframes = \"1-{}\"\n"
        "chunk = 1\nroot = \"out\"\noutput = \"j{}/step{}.{{frame:04}}.txt\"\n",
        layer, count, id, layer);
    ++layer;
  }
  jobs::ParsedSpec spec = jobs::parse_spec(toml, jobs::SpecFormat::Toml);
  if (!spec.spec) FAIL(jobs::errors_json(spec.errors));
  jobs::PlanResult plan = jobs::plan_job(*spec.spec, 1, NoPackages());
  if (!plan.plan) FAIL(jobs::errors_json(plan.errors));
  JobRecord job;
  job.id = JobId(id);
  job.spec = std::make_shared<const jobs::JobSpec>(std::move(*spec.spec));
  job.plan = std::make_shared<const jobs::JobPlan>(std::move(*plan.plan));
  job.submitted = sample_cause();
  return job;
}

PhaseRecord sample_phase(PhaseId id, jobs::TaskState all, std::uint32_t tasks) {
  PhaseRecord phase{id, jobs::PhaseState::Running, {}, ""};
  phase.counts[static_cast<std::size_t>(all)] = tasks;
  return phase;
}

AttemptRecord sample_attempt(jobs::Epoch epoch, std::uint64_t counter, PhaseId phase) {
  AttemptRecord attempt;
  attempt.id = {epoch, counter};
  attempt.phase = phase;
  attempt.tasks = {0, 4};
  attempt.worker = WorkerId(1);
  attempt.slot_name = "cpu0";
  attempt.granted = {1'795'000'000'500};
  return attempt;
}

CommitRecord sample_commit(jobs::Epoch epoch, std::uint64_t counter, PhaseId phase, TaskIndex task, int files) {
  CommitRecord commit{phase, task, {epoch, counter}, WorkerId(1), "out", "avx2/2", {1'795'000'001'000}, 512'345,
                      {},    {}};
  for (int file = 0; file < files; ++file) {
    const std::string path = fmt::format("j{}/p{}/t{}.{:04}.exr", phase.job.value, phase.index, task, file);
    commit.files.push_back(
        {0, "0/" + path, path, 4096, base::sha256(path), base::sha256("samples " + path), 1001 + file});
    commit.reads.push_back({"out", "in/" + path, 17, base::sha256("in " + path)});
  }
  return commit;
}

// One kind of record after the other, by its number in Record: a kind that nobody draws does not compile.
template <std::size_t... Kinds>
Record RandomRecords::record_of(std::size_t kind, std::index_sequence<Kinds...>) {
  Record record;
  const auto draw_kind = [&]<std::size_t Kind>(std::integral_constant<std::size_t, Kind>) {
    std::variant_alternative_t<Kind, Record> drawn;
    draw(drawn);
    record = std::move(drawn);
  };
  ((kind == Kinds ? draw_kind(std::integral_constant<std::size_t, Kinds>{}) : void()), ...);
  return record;
}

Record RandomRecords::record() {
  constexpr std::size_t kKinds = std::variant_size_v<Record>;
  return record_of(below(kKinds), std::make_index_sequence<kKinds>{});
}

Persist RandomRecords::batch() {
  Persist batch;
  RecordSet drawn;
  for (std::uint32_t left = 1 + below(12); left > 0; --left) {
    Record next = record();
    // A turn's records are coalesced: one of each key.
    const bool is_new =
        std::visit([&]<class R>(const R& record) { return !drawn.of<R>().contains(record.record_key()); }, next);
    if (!is_new) continue;
    drawn.put(next);
    batch.puts.push_back(std::move(next));
  }
  if (below(3) == 0) batch.troubles_erased.emplace_back(PhaseId{JobId(1 + below(3)), below(2)}, below(4));
  return batch;
}

std::string RandomRecords::word() {
  return fmt::format("w{} \"'\n", below(1000));
}
PhaseId RandomRecords::phase() {
  return {JobId(1 + below(3)), below(2)};
}
base::WallTime RandomRecords::time() {
  return {static_cast<std::int64_t>(below(1000))};
}

void RandomRecords::draw(JobRecord& job) {
  job = sample_job(1 + below(3));
  job.state = below(2) ? jobs::JobState::Running : jobs::JobState::Paused;
  for (std::uint32_t i = below(3); i > 0; --i)
    job.holds.push_back({static_cast<jobs::HoldKind>(below(jobs::kHoldKindCount)), {word(), time(), word()}, time()});
  job.priority = static_cast<std::int32_t>(below(101));
  job.deadline = time();
  for (std::uint32_t i = below(3); i > 0; --i) job.awaits.push_back({JobId(1 + below(9)), below(2) == 1});
  job.last_change = {word(), time(), word()};
  job.started = time();
  for (std::uint32_t i = below(3); i > 0; --i) job.stuck.push_back({below(9), time(), word(), word()});
}

void RandomRecords::draw(PhaseRecord& record) {
  record = {phase(), static_cast<jobs::PhaseState>(below(5)), {}, word()};
  for (std::uint32_t& count : record.counts) count = below(5000);
  record.tally = {below(9), below(9), below(9), below(9), random_() >> 1};
  for (std::uint32_t i = below(3); i > 0; --i) {
    record.file_waits.clock = base::milliseconds(below(1000));
    record.file_waits.spans.push_back({{below(99), 1 + below(9)}, base::milliseconds(below(1000)), time()});
  }
}

void RandomRecords::draw(TaskPageRecord& page) {
  page = {phase(), below(3), std::vector<std::uint8_t>(1 + below(kTasksPerPage))};
  for (std::uint8_t& state : page.states) state = static_cast<std::uint8_t>(below(jobs::kTaskStateCount));
}

void RandomRecords::draw(TaskTroubleRecord& trouble) {
  trouble = {phase(), below(4), below(5), {}, below(2) != 0, below(9), jobs::Outcome::Oom, word(), word(), {}};
  for (std::uint32_t i = below(4); i > 0; --i) trouble.isolated_crashes.push_back(WorkerId(below(99)));
  if (below(2)) trouble.last_attempt = {epoch_, 1 + below(5)};
  for (std::uint32_t i = below(3); i > 0; --i) trouble.failed_on.push_back(WorkerId(below(99)));
  trouble.run_single = below(2) != 0;
  if (below(2)) trouble.last_frame = static_cast<jobs::Frame>(below(200)) - 100;
}

void RandomRecords::draw(AttemptRecord& attempt) {
  const std::uint32_t counter = 1 + below(20);  // an attempt never moves to another phase
  attempt = sample_attempt(epoch_, counter, {JobId(1 + counter % 3), counter % 2});
  attempt.tasks_committed = 1 + below(9);
  attempt.usage = {below(9),
                   below(9),
                   below(9),
                   below(9),
                   below(9),
                   below(9),
                   below(9),
                   below(9),
                   {word(), "a"},
                   below(9),
                   {{1 + below(9), below(9)}, {12, 3}}};
  attempt.devices = {word()};
  attempt.files_written = below(99);
  attempt.files_read = below(99);
  attempt.code = word();
}

void RandomRecords::draw(CommitRecord& commit) {
  commit = sample_commit(epoch_, 1 + below(20), phase(), commits_++, static_cast<int>(below(3)));
}

void RandomRecords::draw(WorkerRecord& worker) {
  worker.id = WorkerId(1 + below(3));
  worker.key = fmt::format("key {}", worker.id.value);
  worker.name = word();
  worker.drain_requested = below(2) != 0;
  worker.quarantined = below(2) != 0;
  worker.revoked = below(2) != 0;
  worker.drain_at = time();
  worker.drain_planned = {word(), time(), word()};
  worker.last_change = sample_cause(word());
  for (std::uint32_t i = below(4); i > 0; --i) worker.blamed_jobs.push_back(JobId(below(99)));
  worker.incarnation = random_();
}

void RandomRecords::draw(VersionRecord& version) {
  version = {"harbor", "", fmt::format("hb_{}", below(3)), 1 + below(3), JobId(below(9))};
}

void RandomRecords::draw(RootRecord& root) {
  root = {fmt::format("root{}", below(4)), word()};
}

void RandomRecords::draw(LimitRecord& limit) {
  limit = {fmt::format("limit{}", below(4)), below(99), below(99), sample_cause(word())};
}

void RandomRecords::draw(SubmitTokenRecord& token) {
  token = {"ana", fmt::format("token{}", below(4)), base::sha256(word()), JobId(below(9))};
}

void RandomRecords::draw(AuditRecord& audit) {
  audit = {++audits_, sample_cause(word()), "drain", "worker 3"};
}

void RandomRecords::draw(CountersRecord& counters) {
  counters = {below(1000), below(1000), random_() >> 1};
}

void RandomRecords::draw(ShareUsageRecord& usage) {
  usage = {fmt::format("show{}", below(3)), word(), random_() >> 1, time()};
}

void RandomRecords::draw(ShareRulesRecord& share) {
  share.path = fmt::format("show{}", below(3));
  if (below(2) != 0) share.rules.weight = below(1000) / 8.0;
  if (below(2) != 0) share.rules.guarantee = below(100);
  if (below(2) != 0) share.rules.slots_max = below(100);
  share.last_change = sample_cause(word());
}

void RandomRecords::draw(RemakeRecord& remade) {
  remade.phase = phase();
  remade.task = below(4);
  remade.of = JobId(9);
  remade.outcome = static_cast<RemakeOutcome>(below(5));
  remade.time = time();
  // What was on record when the remake was asked for never changes.
  for (std::uint32_t i = remade.task; i > 0; --i) {
    const std::string name = fmt::format("{} of {}", i, text(remade.phase));
    remade.before.push_back({0, "0/" + name, name, i, base::sha256(name), base::sha256(name), 7});
  }
  for (std::uint32_t i = below(3); i > 0; --i)
    remade.after.push_back({0, "0/" + word(), word(), below(9999), base::sha256(word()), base::sha256(word()),
                            static_cast<jobs::Frame>(below(200)) - 100});
}

void Model::apply(const Persist& batch) {
  for (const auto& [phase, task] : batch.troubles_erased) latest_.of<TaskTroubleRecord>().erase({phase, task});
  for (const Record& record : batch.puts)
    std::visit(
        [&]<class R>(const R& kind) {
          if constexpr (!HistoryRecord<R>) latest_.put(kind);
        },
        record);
}

std::vector<std::string> Model::texts() const {
  std::vector<std::string> texts;
  latest_.each([&](const auto& record) { texts.push_back(text_of(record)); });
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace framemill::scheduler::store::testing
