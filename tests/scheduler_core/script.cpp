#include "script.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/rfc3339.h"

namespace framemill::scheduler::stage {
namespace {

base::Duration duration_of(const std::string& text) {
  return text.ends_with("ms") ? base::milliseconds(std::stoll(text)) : base::seconds(std::stoll(text));
}

std::string toml_value(const std::string& value) {
  const bool raw = value.front() == '[' || value.front() == '"' || value.front() == '{' || value == "true" ||
                   value.find_first_not_of("0123456789.") == std::string::npos;
  return raw ? value : '"' + value + '"';
}

base::Sha256 digest_of(const std::string& text) {
  return base::sha256(text);
}

// "nuke:2,houdini:1"
std::map<std::string, std::uint32_t> counts_of(const std::string& text) {
  std::map<std::string, std::uint32_t> counts;
  for (const std::string& part : split(text, ','))
    counts[split(part, ':').at(0)] = static_cast<std::uint32_t>(std::stoul(split(part, ':').at(1)));
  return counts;
}

}  // namespace

TaskRange tasks_of(const std::string& text) {
  const Words ends = split(text, '-');
  const auto first = static_cast<TaskIndex>(std::stoul(ends.at(0)));
  const auto last = ends.size() > 1 ? static_cast<TaskIndex>(std::stoul(ends[1])) : first;
  return {first, last - first + 1};
}

std::string Script::run(const std::string& text) {
  std::stringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    try {
      obey(line, number);
      if (stage_ && !stage_->fault().empty()) throw Wrong(stage_->fault());
    } catch (const std::exception& wrong) {
      return "line " + std::to_string(number) + ": " + line + "\n  " + wrong.what();
    }
  }
  try {
    submit_pending();
    if (stage_ && !stage_->fault().empty()) throw Wrong(stage_->fault());
  } catch (const std::exception& wrong) {
    return std::string("end: ") + wrong.what();
  }
  return {};
}

void Script::obey(const std::string& line, int number) {
  const Statement s(line);
  if (s.empty()) return;
  if (wall_ == WallClock::Jumping && stage_)
    stage_->wall_jumps(number % 3 == 0 ? base::seconds(-7200) : base::seconds(3600));
  if (s.word(0) == "layer") return add_layer(s);
  submit_pending();
  static const std::map<std::string, Act> kActs{{"farm", &Script::farm},
                                                {"shares", &Script::shares},
                                                {"share", &Script::share},
                                                {"package", &Script::package},
                                                {"worker", &Script::worker},
                                                {"submit", &Script::submit},
                                                {"report", &Script::report},
                                                {"pass", &Script::pass},
                                                {"sleep", &Script::sleep},
                                                {"finish", &Script::finish},
                                                {"finished_by", &Script::finished_by},
                                                {"staged", &Script::staged},
                                                {"end", &Script::end},
                                                {"lose", &Script::lose},
                                                {"undeliverable", &Script::undeliverable},
                                                {"stands_still", &Script::stands_still},
                                                {"goes_on", &Script::stands_still},
                                                {"misses", &Script::misses},
                                                {"looks", &Script::looks},
                                                {"publish", &Script::publish},
                                                {"run", &Script::run_all},
                                                {"publish_fails", &Script::publish_fails},
                                                {"drops", &Script::drops},
                                                {"keeps", &Script::keeps},
                                                {"manifests", &Script::manifests},
                                                {"restart", &Script::restart},
                                                {"late", &Script::late},
                                                {"drain", &Script::worker_verb},
                                                {"undrain", &Script::worker_verb},
                                                {"revoke", &Script::worker_verb},
                                                {"clear", &Script::worker_verb},
                                                {"sigterm", &Script::sigterm},
                                                {"pause", &Script::job_verb},
                                                {"resume", &Script::job_verb},
                                                {"cancel", &Script::job_verb},
                                                {"retry", &Script::job_verb},
                                                {"priority", &Script::job_verb},
                                                {"deadline", &Script::job_verb},
                                                {"wall", &Script::wall},
                                                {"selected", &Script::selected},
                                                {"limit", &Script::limit},
                                                {"disk", &Script::disk},
                                                {"expect", &Script::expect},
                                                {"explain", &Script::explain},
                                                {"diagnose", &Script::diagnose}};
  const auto act = kActs.find(s.word(0));
  if (act == kActs.end()) throw Wrong("no such statement");
  (this->*act->second)(s);
  if (!pending_) s.require_all_read();  // those of a submit are complete with its layers
}

Stage& Script::stage() {
  if (!stage_) stage_ = std::make_unique<Stage>(settings_);
  return *stage_;
}

void Script::farm(const Statement& s) {
  settings_.lease_ttl = base::seconds(static_cast<std::int64_t>(s.number("lease_ttl_s", 120)));
  settings_.progress_timeout = base::seconds(static_cast<std::int64_t>(s.number("progress_timeout_s", 1800)));
  settings_.silence_alarm = base::seconds(static_cast<std::int64_t>(s.number("silence_s", 15)));
  settings_.finished_jobs_max = static_cast<std::uint32_t>(s.number("finished_jobs_max", 10'000));
  settings_.jobs_max = static_cast<std::uint32_t>(s.number("jobs_max", settings_.jobs_max));
  settings_.live_jobs_per_user =
      static_cast<std::uint32_t>(s.number("live_jobs_per_user", settings_.live_jobs_per_user));
  settings_.limits.tokens = counts_of(s.text("tokens", ""));
  settings_.limits.models = counts_of(s.text("models", ""));
  for (const std::string& program : split(s.text("programs", ""), ','))
    settings_.limits.programs[split(program, ':').at(0)].push_back(split(program, ':').at(1));
  settings_.leases_per_slot_max = static_cast<std::uint32_t>(s.number("leases_per_slot_max", 64));
  settings_.publish_duties_per_worker_max =
      static_cast<std::uint32_t>(s.number("publish_duties_per_worker_max", settings_.publish_duties_per_worker_max));
  settings_.publish_duties_max =
      static_cast<std::uint32_t>(s.number("publish_duties_max", settings_.publish_duties_max));
  settings_.missing_after = base::seconds(static_cast<std::int64_t>(s.number("missing_after_s", 600)));
  stage().grants_per_turn = static_cast<std::uint32_t>(s.number("grants_per_turn", 0));
}

void Script::shares(const Statement& s) {
  settings_.shares.half_life = base::seconds(static_cast<std::int64_t>(s.number("half_life_s", 86'400)));
  for (const std::string& word : s.words_from(1)) {
    const Words parts = split(word, ':');
    ShareRules& rules = settings_.shares.rules[parts.at(0)];
    rules.weight = std::stod(parts.at(1));
    if (parts.size() > 2) rules.guarantee = static_cast<std::uint32_t>(std::stoul(parts[2]));
    if (parts.size() > 3) rules.slots_max = static_cast<std::uint32_t>(std::stoul(parts[3]));
  }
}

void Script::share(const Statement& s) {
  ShareChangeRequested asked;
  asked.cause = {s.text("by", "root"), stage().now().wall, s.text("reason", "")};
  asked.path = s.word(1);
  if (s.has("weight")) asked.rules.weight = std::stod(s.text("weight", ""));
  if (s.has("guarantee")) asked.rules.guarantee = static_cast<std::uint32_t>(s.number("guarantee", 0));
  if (s.has("slots_max")) asked.rules.slots_max = static_cast<std::uint32_t>(s.number("slots_max", 0));
  asked.reset = s.text("reset", "no") == "yes";
  answer_ = stage().ask(std::move(asked));
}

void Script::package(const Statement& s) {
  const Words name = split(s.word(1), '@');
  jobs::PackageFacts facts;
  facts.name = name.at(0);
  facts.version = name.at(1);
  facts.root_digest = digest_of(s.word(1));
  facts.window_frames = static_cast<std::int32_t>(s.number("window", 16));
  facts.context_frames = static_cast<std::int32_t>(s.number("context", 4));
  facts.width = facts.height = 32;
  facts.fps = 24;
  facts.default_steps = 20;
  facts.steps_max = 50;
  facts.colour_space = "srgb";
  facts.batch_max = static_cast<std::int32_t>(s.number("batch", 1));
  facts.batch_max_cpu = static_cast<std::int32_t>(s.number("batch_cpu", 0));
  facts.cpu_memory = {s.number("resident_mib", 100) << 20, s.number("window_mib", 50) << 20, 0};
  facts.cuda_memory = facts.cpu_memory;
  packages_.push_back(facts);
}

void Script::worker(const Statement& s) {
  Inventory inventory;
  inventory.name = s.word(1);
  DeviceState device;
  device.id = "device0";
  device.kind = s.text("device", "cpu") == "cuda" ? DeviceKind::Cuda : DeviceKind::Cpu;
  device.device_class = s.text("class", "");
  device.memory_bytes_total = device.memory_bytes_budget = s.number("memory_mib", 4096) << 20;
  device.cpus = static_cast<std::uint32_t>(s.number("cpus", 4));
  inventory.devices.push_back(device);
  for (std::uint32_t i = 0; i < s.number("slots", 1); ++i)
    inventory.slots.push_back({i, "s" + std::to_string(i), 0, {}, s.text("usable", "yes") == "yes"});
  for (const std::string& id : split(s.text("packages", "demo@1"), ','))
    inventory.packages.push_back({id, digest_of(id + s.text("digest", ""))});
  for (const std::string& root : split(s.text("roots", "main"), ','))
    inventory.roots.push_back({root, true, 1ull << 40, true});
  const auto listed = [&](const char* key, const std::string& root) {
    const Words names = split(s.text(key, ""), ',');
    return std::find(names.begin(), names.end(), root) != names.end();
  };
  for (RootSeen& root : inventory.roots) {
    if (listed("lost", root.name)) root.usable = root.readable = false;
    if (listed("reads", root.name)) root.usable = false;
    root.read_only = listed("reads", root.name);
    root.tells_id = s.has("id");
    if (root.tells_id && s.text("id", "") != "none") root.id = s.text("id", "");
  }
  if (s.has("trouble")) {
    inventory.conditions = {{s.text("trouble", ""), "it_did_not_work", s.text("trouble_root", "")}};
    for (RootSeen& seen : inventory.roots)
      if (s.text("trouble_root", seen.name) == seen.name) seen.usable = false;
  }
  inventory.commands = split(s.text("commands", ""), ',');
  inventory.command_confinement =
      jobs::command_confinement_from_name(s.text("confinement", "unknown")).value_or(jobs::CommandConfinement::Unknown);
  inventory.confinement = s.text("confines", "");
  inventory.media = s.text("media", "no") == "yes";
  inventory.looks_for_files = s.text("looks", "no") == "yes";
  Player& player = stage().players()[s.word(1)];
  player.key = "key of " + s.word(1);
  player.inventory = std::move(inventory);
  player.inventory_due = true;
  stage().report(s.word(1));
}

void Script::submit(const Statement& s) {
  std::ostringstream toml;
  toml << "api = \"framemill/v1\"\nname = \"" << s.word(1) << "\"\nshow = \"" << s.text("show", "harbor")
       << "\"\nsequence = \"hb\"\nshot = \"" << s.text("shot", "hb_" + s.word(1)) << "\"\n";
  for (const char* key : {"priority", "version"})
    if (s.has(key)) toml << key << " = " << s.text(key, "") << "\n";
  const auto moment = [&](std::uint64_t in_s) {
    return base::format_rfc3339({stage().now().wall.unix_ms + 1000 * static_cast<std::int64_t>(in_s)});
  };
  if (s.has("deadline_s")) toml << "deadline = " << moment(s.number("deadline_s", 0)) << "\n";
  if (s.has("start_s")) toml << "start_after = " << moment(s.number("start_s", 0)) << "\n";
  if (s.has("start_after")) toml << "start_after = \"" << s.text("start_after", "") << "\"\n";
  if (s.has("after")) toml << "after_job = [" << awaited_toml(s.text("after", "")) << "]\n";
  spec_ = toml.str();
  pending_ = s;
}

// "A,B:over,name=boards": jobs of the script by their names there, or names for the farm to find.
std::string Script::awaited_toml(const std::string& text) {
  std::string toml;
  for (const std::string& item : split(text, ',')) {
    const Words parts = split(item, ':');
    const std::string when = parts.size() > 1 ? ", when = \"" + parts[1] + "\"" : "";
    const std::string name = parts.at(0);
    toml += toml.empty() ? "" : ", ";
    if (name.starts_with("name="))
      toml += "{name = \"" + name.substr(5) + "\"" + when + "}";
    else
      toml += "{job = " + std::to_string(jobs_.contains(name) ? jobs_.at(name).value : 9999u) + when + "}";
  }
  return toml;
}

void Script::wall(const Statement& s) {
  if (s.word(1) != "steady") throw Wrong("a wall clock that is not steady needs no saying");
  wall_ = WallClock::Steady;
}

void Script::add_layer(const Statement& s) {
  if (!pending_) throw Wrong("a layer without a job");
  std::ostringstream toml;
  toml << "[[layer]]\nname = \"" << s.word(1) << "\"\nkind = \"" << s.word(2) << "\"\n";
  if (s.word(2) == "generate") {
    if (!s.has("model")) toml << "model = \"demo@1\"\n";
    toml << "prompt = \"calm sea\"\n";
  }
  for (const auto& [key, value] : s.all_keys()) toml << key << " = " << toml_value(value) << "\n";
  spec_ += toml.str();
}

void Script::submit_pending() {
  if (!pending_) return;
  const Statement s = *std::exchange(pending_, std::nullopt);
  jobs::ParsedSpec parsed = jobs::parse_spec(spec_, jobs::SpecFormat::Toml);
  if (!parsed.spec)
    throw Wrong(parsed.errors[0].field + ": " + parsed.errors[0].code + " " + parsed.errors[0].message + "\n" + spec_);
  JobSubmitted event;
  event.spec = std::make_shared<const jobs::JobSpec>(std::move(*parsed.spec));
  event.packages = packages_;
  event.token = s.text("token", "");
  event.body = base::sha256(spec_);
  event.cause = {s.text("by", "ana"), stage().now().wall, ""};
  answer_ = stage().ask(std::move(event));
  if (answer_->ok())
    if (const auto* submitted = std::get_if<Submitted>(&answer_->value())) jobs_[s.word(1)] = submitted->job;
  order_.push_back(s.word(1));
  s.require_all_read();
}

void Script::report(const Statement& s) {
  for (const std::string& name : s.words_from(1)) stage().report(name);
}

void Script::pass(const Statement& s) {
  stage().pass(duration_of(s.word(1)), s.words_from(2));
}

void Script::sleep(const Statement& s) {
  stage().sleep(duration_of(s.word(1)));
}

void Script::restart(const Statement& s) {
  if (s.word(1) == "farm")
    stage().restart_farm();
  else
    stage().restart_worker(s.word(1));
}

void Script::late(const Statement& s) {
  stage().late_report(s.word(1));
}

void Script::sigterm(const Statement& s) {
  stage().player(s.word(1)).draining = true;
  stage().report(s.word(1));
}

void Script::disk(const Statement& s) {
  stage().apply(s.word(1) == "full" ? Event(StorageBroke{}) : Event(StorageRecovered{}));
}

void Script::worker_verb(const Statement& s) {
  static const std::map<std::string, WorkerAction> kVerbs{{"drain", WorkerAction::Drain},
                                                          {"undrain", WorkerAction::Undrain},
                                                          {"revoke", WorkerAction::Revoke},
                                                          {"clear", WorkerAction::ClearQuarantine}};
  WorkerChangeRequested asked;
  asked.verb = kVerbs.at(s.word(0));
  asked.worker = worker_id(s.word(1));
  asked.cause = {s.text("by", "root"), stage().now().wall, s.text("reason", "")};
  if (s.has("in")) asked.at = base::WallTime{stage().now().wall.unix_ms + duration_of(s.text("in", "")).ms};
  answer_ = stage().ask(asked);
}

void Script::job_verb(const Statement& s) {
  static const std::map<std::string, JobAction> kVerbs{
      {"pause", JobAction::Pause}, {"resume", JobAction::Resume},        {"cancel", JobAction::Cancel},
      {"retry", JobAction::Retry}, {"priority", JobAction::SetPriority}, {"deadline", JobAction::SetDeadline}};
  JobChangeRequested asked;
  asked.verb = kVerbs.at(s.word(0));
  asked.job = jobs_.contains(s.word(1)) ? jobs_.at(s.word(1)) : JobId(9999);
  if (asked.verb == JobAction::SetPriority) asked.priority = std::stoi(s.word(2));
  if (asked.verb == JobAction::SetDeadline && s.word(2) != "none")
    asked.deadline = base::WallTime{stage().now().wall.unix_ms + duration_of(s.word(2)).ms};
  if (asked.verb == JobAction::Resume) asked.waives_waits = s.text("now", "no") == "yes";
  if (asked.verb == JobAction::Pause || asked.verb == JobAction::Resume)
    asked.hold = jobs::hold_kind_from_name(s.text("kind", "pause")).value();
  if (asked.verb == JobAction::Pause) {
    asked.cause = {s.text("by", "ana"), stage().now().wall, s.text("reason", "")};
    if (s.has("for_s"))
      asked.until = base::WallTime{asked.cause.time.unix_ms + static_cast<std::int64_t>(s.number("for_s", 0)) * 1000};
  }
  asked.layer = s.text("layer", "");
  if (s.has("frames")) asked.frames = jobs::FrameSet::parse(s.text("frames", "")).value();
  if (s.has("remake")) {
    asked.remake = true;
    asked.replace = s.text("replace", "no") == "yes";
    asked.cause = {s.text("by", "ana"), stage().now().wall, s.text("reason", "")};
    if (const auto tasks = stage().farm().tasks_to_remake(asked); tasks.ok())
      asked.on_record = stage().store().commits_of(*tasks);
  }
  answer_ = stage().ask(asked);
  if (!asked.remake || !answer_->ok()) return;
  jobs_[s.text("remake", "")] = std::get<Changed>(answer_->value()).remake;
  order_.push_back(s.text("remake", ""));
}

void Script::selected(const Statement& s) {
  static const std::map<std::string, JobAction> kVerbs{{"pause", JobAction::Pause},
                                                       {"resume", JobAction::Resume},
                                                       {"cancel", JobAction::Cancel},
                                                       {"priority", JobAction::SetPriority}};
  JobsChangeRequested asked;
  asked.verb = kVerbs.at(s.word(1));
  for (const std::string& job : split(s.word(2), ',')) asked.jobs.push_back(job_id(job));
  if (s.has("only_in")) asked.only_in = jobs::job_state_from_name(s.text("only_in", ""));
  asked.priority = static_cast<std::int32_t>(s.number("priority", 50));
  asked.cause = {s.text("by", "ana"), stage().now().wall, s.text("reason", "")};
  asked.selected = "as_the_scenario_says";
  answer_ = stage().ask(asked);
}

void Script::limit(const Statement& s) {
  LimitChangeRequested asked;
  asked.cause = {s.text("by", "root"), stage().now().wall, s.text("reason", "")};
  asked.name = s.word(1);
  asked.count = static_cast<std::uint32_t>(std::stoul(s.word(2)));
  answer_ = stage().ask(asked);
}

WorkerId Script::worker_id(const std::string& name) {
  const auto found = stage().players().find(name);
  if (found == stage().players().end()) return WorkerId(9999);
  return stage().farm().worker_of_key(found->second.key).value_or(WorkerId(9999));
}

JobId Script::job_id(const std::string& name) {
  if (!jobs_.contains(name)) throw Wrong("no job " + name);
  return jobs_.at(name);
}

std::string Script::last_job(const Statement& s) {
  return s.text("job", jobs_.empty() ? "" : order_.back());
}

PhaseId Script::phase_of(const std::string& job, const std::string& text) {
  const JobRecord* record = stage().farm().job(job_id(job));
  const std::string kind = text.find('.') == std::string::npos ? "" : text.substr(text.find('.') + 1);
  const Words name = split(text.substr(0, text.find('.')), ':');
  const std::uint32_t variant = name.size() > 1 ? static_cast<std::uint32_t>(std::stoul(name[1])) : 0;
  for (jobs::PhaseIndex i = 0; i < record->plan->phases.size(); ++i) {
    const jobs::PhasePlan& phase = record->plan->phases[i];
    if (record->spec->layers[phase.layer].name == name.at(0) && phase.variant == variant &&
        (kind.empty() || jobs::name(phase.kind) == kind))
      return {job_id(job), i};
  }
  throw Wrong("no phase " + text);
}

AttemptId Script::attempt_of(const Player& player, PhaseId phase, std::optional<TaskIndex> task) {
  for (const auto& [id, grant] : player.running)
    if (grant.phase == phase && (!task || player.left.at(id).contains(*task))) return id;
  throw Wrong("that worker holds no such lease");
}

std::string Script::phase_text(PhaseId id) {
  const JobRecord* job = stage().farm().job(id.job);
  const jobs::PhasePlan& phase = job->plan->phases[id.index];
  return job->spec->name + " " + job->spec->layers[phase.layer].name + ":" + std::to_string(phase.variant) + "." +
         std::string(jobs::name(phase.kind));
}

std::string Script::grants_text() {
  std::string text;
  for (const GrantLease& grant : stage().last().grants)
    text += "\n  " + stage().farm().worker(grant.worker)->name + "/" + std::to_string(grant.slot) + " " +
            phase_text(grant.phase) + " " + std::to_string(grant.tasks.first) + "-" +
            std::to_string(grant.tasks.end() - 1) + " batch_max " + std::to_string(grant.batch_max);
  return text.empty() ? " no grants" : text;
}

std::string run_script(const std::string& text, WallClock wall) {
  return Script(wall).run(text);
}

}  // namespace framemill::scheduler::stage
