#include "sim/people.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "jobs/spec.h"
#include "sim/samples.h"

namespace framemill::sim {
namespace {

constexpr base::Duration kAskAgain = base::seconds(5);
constexpr base::Duration kSubmitWithin = base::seconds(45);
constexpr std::size_t kShows = 2, kPersons = 3;

// Boards of some windows in variants, a chain that starts from one of them, a program over the chain's frames, a movie, a
// sheet: each with a chance of its own, but the first.
std::string draw_spec(Random& random, std::size_t number) {
  std::string text = fmt::format(
      "api = \"framemill/v1\"\nname = \"j{0}\"\nshow = \"s{2}\"\nsequence = \"q\"\nshot = \"j{0}\"\npriority = {1}\n",
      number, random.between(0, 100), number % kShows);
  const std::int64_t chunk = random.between(1, 4);
  text += fmt::format(
      "[[layer]]\nname = \"boards\"\nkind = \"generate\"\nmodel = \"demo@1\"\nprompt = \"sea\"\nretries = {}\nframes = "
      "\"1-{}\"\nvariants = {}\n",
      random.between(1, 6), 4 * random.between(1, 6), random.between(1, 2));
  if (random.chance(500)) text += fmt::format("chunk = {}\n", chunk);
  std::string source = "boards";
  if (random.chance(500)) {
    text += fmt::format(
        "[[layer]]\nname = \"chain\"\nkind = \"generate\"\nmodel = \"demo@1\"\nprompt = \"sea\"\nplan = \"chain\"\nshot = "
        "\"x{}\"\nretries = {}\nframes = \"1-{}\"\ninput = [{{layer = \"boards\", variant = 0}}]\n",
        number, random.between(1, 6), random.between(3, 18));
    source = "chain";
  }
  if (random.chance(500)) {
    text += fmt::format(
        "[[layer]]\nname = \"grade\"\nkind = \"command\"\nargv = [\"grade\", \"{{input}}\", \"{{output}}\"]\nretries = "
        "{}\nframes = \"1-3\"\ntimeout = \"{}s\"\ninput = [{{layer = \"{}\"{}}}]\n",
        random.between(1, 6), random.between(5, 60), source, source == "boards" ? ", variant = 0" : "");
    if (number % 2 == 0) text += "limits = [\"seat\"]\n";
  }
  if (random.chance(500))
    text += fmt::format("[[layer]]\nname = \"cut\"\nkind = \"encode\"\nretries = 3\ninput = [{{layer = \"{}\"{}}}]\n",
                        source, source == "boards" ? ", variant = 0" : "");
  if (random.chance(300)) text += "[[layer]]\nname = \"sheet\"\nkind = \"sheet\"\ninput = [{layer = \"boards\"}]\n";
  return text;
}

}  // namespace

jobs::PackageFacts demo_package() {
  jobs::PackageFacts facts = sample_package();
  facts.window_frames = 4;
  facts.context_frames = 1;
  facts.batch_max = 3;
  return facts;
}

People::People(EventQueue& time, Random random, Trace& trace, SchedulerHost& scheduler, std::uint32_t jobs)
    : time_(time), random_(random), trace_(trace), scheduler_(scheduler) {
  for (std::uint32_t number = 0; number < jobs; ++number) {
    Submission& submission = submissions_.emplace_back();
    submission.text = draw_spec(random_, number);
    submission.token = fmt::format("token {}", number);
    jobs::ParsedSpec parsed = jobs::parse_spec(submission.text, jobs::SpecFormat::Toml);
    FM_CHECK(parsed.spec.has_value(),
             parsed.errors.empty() ? "a drawn spec that is not one" : parsed.errors[0].message);
    submission.event.spec = std::make_shared<const jobs::JobSpec>(std::move(*parsed.spec));
    submission.event.cause.principal = fmt::format("person{}", number % kPersons);
    submission.event.packages = {demo_package()};
    submission.event.token = submission.token;
    submission.event.body = base::sha256(submission.text);
  }
}

void People::begin() {
  for (std::size_t number = 0; number < submissions_.size(); ++number)
    time_.after(random_.between(base::Duration{1}, kSubmitWithin), [this, number] { submit(number); });
}

void People::submit(std::size_t number) {
  Submission& submission = submissions_[number];
  if (submission.answered) return;
  if (scheduler_.alive())
    scheduler_.ask(submission.event, [this, number](base::Result<scheduler::AnswerValue> answer) {
      if (!answer.ok()) return;  // read-only: later
      const auto& submitted = std::get<scheduler::Submitted>(*answer);
      submissions_[number].answered = submitted.job;
      trace_.say("people", "job {} is submitted{}", submitted.job.value, submitted.repeated ? ", and was" : "");
    });
  time_.after(kAskAgain, [this, number] { submit(number); });
}

bool People::all_submitted() const {
  for (const Submission& submission : submissions_)
    if (!submission.answered) return false;
  return true;
}

void People::change(scheduler::JobChangeRequested event) {
  priorities_.erase(event.job);
  cancelled_.erase(event.job);
  if (!scheduler_.alive()) return;
  scheduler_.ask(event, [this, event, asked = ++asked_[event.job]](const base::Result<scheduler::AnswerValue>& answer) {
    if (!answer.ok() || asked != asked_[event.job]) return;  // refused, or something was asked since
    if (event.verb == scheduler::JobAction::SetPriority) priorities_[event.job] = event.priority;
    if (event.verb == scheduler::JobAction::Cancel) cancelled_.insert(event.job);
  });
}

void People::change(scheduler::WorkerChangeRequested event) {
  if (scheduler_.alive()) scheduler_.ask(event, [](const base::Result<scheduler::AnswerValue>&) {});
}

void People::do_something() {
  if (random_.chance(300)) {
    using enum scheduler::WorkerAction;
    constexpr scheduler::WorkerAction kVerbs[]{Drain, Undrain, ClearQuarantine};
    scheduler::WorkerChangeRequested event;
    event.worker = jobs::WorkerId(static_cast<std::uint32_t>(random_.between(1, 5)));
    event.verb = random_.pick(kVerbs);
    return change(event);
  }
  using enum scheduler::JobAction;
  constexpr scheduler::JobAction kVerbs[]{Pause, Pause, Resume, Resume, SetPriority, SetPriority, Retry, Cancel};
  scheduler::JobChangeRequested event;
  event.job =
      jobs::JobId(static_cast<std::uint32_t>(random_.between(1, static_cast<std::int64_t>(submissions_.size()))));
  event.verb = random_.pick(kVerbs);
  event.priority = static_cast<std::int32_t>(random_.between(0, 100));
  change(event);
}

void People::put_things_right() {
  if (!scheduler_.alive()) return;
  for (const scheduler::WorkerView& worker : scheduler_.core().list_workers(scheduler_.now())) {
    if (worker.quarantined)
      change(scheduler::WorkerChangeRequested{0, {}, worker.id, scheduler::WorkerAction::ClearQuarantine, {}});
    const scheduler::WorkerRecord* record = scheduler_.core().worker(worker.id);
    if (record->drain_requested)
      change(scheduler::WorkerChangeRequested{0, {}, worker.id, scheduler::WorkerAction::Undrain, {}});
  }
  for (const scheduler::JobView& view : scheduler_.core().list_jobs(false)) {
    scheduler::JobChangeRequested event;
    event.job = view.id;
    event.verb = scheduler::JobAction::Resume;
    if (!scheduler_.core().job(view.id)->holds.empty()) change(event);
    event.verb = scheduler::JobAction::Retry;
    if (view.state == jobs::JobState::Failed || view.state == jobs::JobState::Cancelled) change(event);
  }
}

}  // namespace framemill::sim
