#include "bench/echo_farm.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "jobs/check.h"

namespace framemill::bench {
namespace {

using namespace scheduler;

constexpr base::Now kNow{{1'000}, {1'000}};
constexpr std::uint32_t kHostKinds = 4, kUsersOfShow = 4;

std::string key_of(std::uint32_t worker) {
  return fmt::format("key {}", worker);
}

std::string program_of(std::uint32_t request_class) {
  return request_class % 2 == 0 ? "true" : fmt::format("tool-{}", request_class / 2 % kHostKinds);
}

FileRecord file_of(TaskIndex task) {
  FileRecord file;
  file.frame = static_cast<jobs::Frame>(task) + 1;
  file.staged = "out/frame";
  file.path = std::to_string(file.frame) + ".png";
  return file;
}

FarmSettings first_epoch(FarmSettings settings) {
  settings.epoch = {1, 1};
  return settings;
}

}  // namespace

EchoFarm::EchoFarm(const FarmShape& shape, FarmSettings settings)
    : shape_(shape), farm_(first_epoch(settings)), echoes_(shape.workers) {
  farm_.begin(kNow);
}

void EchoFarm::submit_all(std::uint64_t tasks) {
  const std::uint64_t of_job = std::max<std::uint64_t>(tasks / shape_.jobs, 1);
  for (std::uint32_t j = 0; j < shape_.jobs; ++j) {
    const std::uint32_t request_class = j % shape_.classes;
    const std::string text = fmt::format(
        "api = \"framemill/v1\"\nname = \"n{0}\"\nshow = \"s{4}\"\nsequence = \"q\"\nshot = \"x{0}\"\n[[layer]]\n"
        "name = \"run\"\nkind = \"command\"\nargv = [\"{1}\"]\nchunk = 1\noutput = \"{{frame}}.png\"\n"
        "frames = \"1-{2}\"\nneeds = {{ cpus = {3} }}\n",
        j, program_of(request_class), of_job, request_class + 1, j % shape_.shares);
    jobs::ParsedSpec spec = jobs::parse_spec(text, jobs::SpecFormat::Toml);
    FM_CHECK(spec.spec.has_value(), "the spec of a benchmark is refused");
    JobSubmitted submit;
    if (shape_.shares > 1) submit.cause.principal = fmt::format("user{}", j / shape_.shares % kUsersOfShow);
    submit.spec = std::make_shared<const jobs::JobSpec>(std::move(*spec.spec));
    carry_out(farm_.apply(std::move(submit), kNow));
  }
}

void EchoFarm::connect_all(const Around& around) {
  while (connected_ < shape_.workers)
    if (!connect(connected_, around)) return;
}

void EchoFarm::connect_all() {
  connect_all([](const Turn& turn) {
    turn();
    return true;
  });
}

bool EchoFarm::connect(std::uint32_t worker, const Around& around) {
  WorkerReported report;
  report.key = key_of(worker);
  report.incarnation = report.sequence = 1;
  report.inventory = Inventory{};
  report.inventory->name = fmt::format("w{}", worker);
  report.inventory->version = "1";
  report.inventory->devices = {{"cpu0", "cpu", "a", DeviceKind::Cpu, 1ull << 33, 1ull << 33, 64}};
  report.inventory->roots = {{"main", true, 1}};
  report.inventory->commands = {"true", fmt::format("tool-{}", worker % kHostKinds)};
  for (std::uint32_t i = 0; i < shape_.slots; ++i)
    report.inventory->slots.push_back({i, fmt::format("s{}", i), 0, {}, true});
  ++connected_;
  echoes_[worker].sequence = 1;
  const bool goes_on = apply(std::move(report), around);
  FM_CHECK(farm_.worker_of_key(key_of(worker)) == WorkerId(worker + 1), "workers are numbered as they come");
  return goes_on && finish_pass(around);
}

bool EchoFarm::apply(Event event, const Around& around) {
  Effects effects;
  const bool goes_on = around([&] { effects = farm_.apply(std::move(event), kNow); });
  ++turns_;
  carry_out(std::move(effects));
  return goes_on;
}

// What a turn left to the next because its time was over.
bool EchoFarm::finish_pass(const Around& around) {
  while (farm_.next_deadline() <= kNow.monotonic)
    if (!apply(TimePassed{}, around)) return false;
  return true;
}

void EchoFarm::carry_out(Effects effects) {
  for (const GrantLease& grant : effects.grants) {
    Echo& echo = echoes_[grant.worker.value - 1];
    for (TaskIndex t = grant.tasks.first; t < grant.tasks.end(); ++t)
      echo.next.finished.push_back({grant.attempt, grant.phase, t, 100, {file_of(t)}, {}});
    AttemptEnded ended;
    ended.attempt = grant.attempt;
    echo.next.ended.push_back(ended);
  }
  for (const OrderPublish& order : effects.publishes)
    echoes_[order.worker.value - 1].next.published.push_back({order.phase, order.tasks});
  for (const Record& record : effects.persist.puts) commits_ += std::holds_alternative<CommitRecord>(record) ? 1 : 0;
}

void EchoFarm::run(const Around& around) {
  for (bool busy = true; busy;) {
    busy = false;
    for (std::uint32_t worker = 0; worker < shape_.workers; ++worker) {
      Echo& echo = echoes_[worker];
      if (echo.next.finished.empty() && echo.next.published.empty()) continue;
      WorkerReported report = std::exchange(echo.next, {});
      report.key = key_of(worker);
      report.incarnation = 1;
      report.sequence = ++echo.sequence;
      if (!apply(std::move(report), around) || !finish_pass(around)) return;
      busy = true;
    }
  }
}

}  // namespace framemill::bench
