#include "worker/daemon/previews.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "wire/preview_packets.h"
#include "worker/supervisor/child_access.h"

namespace framemill::worker {
namespace {

constexpr base::Duration kPreviewPatience = base::seconds(120);  // with one order
constexpr base::Duration kIdleEnd = base::seconds(30);           // the process holds 100 MiB of libraries for nothing
constexpr base::Duration kPauseFirst = base::seconds(10);        // after a failure; doubled with each
constexpr int kPauseDoublingsMax = 6;
constexpr base::Duration kSweepInterval = base::seconds(3600);
constexpr std::uint64_t kDataBytesMax = 4ull << 30;  // a frame of 16k x 8k as float, and its file

std::size_t processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

// Without what only publishing needs.
wire::PublishOrder head_of(const wire::PublishOrder& order) {
  wire::PublishOrder head;
  *head.mutable_attempt() = order.attempt();
  *head.mutable_tasks() = order.tasks();
  head.set_root(order.root());
  return head;
}

}  // namespace

Previews::Previews(net::EventLoop& loop, const DaemonSetup& setup, Storage& storage)
    : loop_(loop), setup_(setup), storage_(storage),
      budget_(setup.config.previews.budget, processors(), base::monotonic_now()) {
  if (setup_.config.previews.enabled) sweep_timer_ = loop_.call_after(base::seconds(60), [this] { sweep(); });
}

Previews::~Previews() = default;

void Previews::offer(const wire::PublishOrder& order) {
  wire::PublishOrder part = head_of(order);
  const auto take_part = [&] {
    if (part.files_size() == 0) return;
    waiting_.push_back(std::exchange(part, head_of(order)));
    if (waiting_.size() <= kWaitingMax) return;
    waiting_.pop_front();
    ++left_out_;
  };
  for (const wire::OutputFile& file : order.files()) {
    if (file.kind() != wire::OutputFile::FRAME) continue;
    wire::OutputFile& entry = *part.add_files();
    entry.set_kind(file.kind());
    entry.set_path(file.path());
    entry.set_size_bytes(file.size_bytes());
    entry.set_sha256(file.sha256());
    entry.set_frame(file.frame());
    if (part.files_size() == wire::kPreviewFramesMax) take_part();
  }
  take_part();
  pump();
}

void Previews::pump() {
  if (at_work_ || ending_ || waiting_.empty()) return;
  const base::Instant now = base::monotonic_now();
  const base::Duration wait = std::max(budget_.wait(now), not_before_ - now);
  if (wait > base::Duration{}) {
    pump_timer_ = loop_.call_after(wait, [this] { pump(); });
    return;
  }
  if (process_ && may_write_ != storage_.previews_trees()) return end();  // on_ended() goes on
  if (!process_) {
    if (const base::Status started = start(); !started.ok()) {
      if (said_.may_say(started.error().code, now)) base::log_warning("previews", "{}", started.error().message);
      pause();
      return pump();
    }
  }
  const wire::PublishOrder order = std::move(waiting_.front());
  waiting_.pop_front();
  at_work_ = true;
  idle_.cancel();
  patience_ = loop_.call_after(kPreviewPatience, [this] { end(); });
  if (!process_->send(order)) end();
}

base::Status Previews::start() {
  PreviewProgram program;
  program.launcher = setup_.own_program;
  may_write_ = storage_.previews_trees();
  program.confinement = preview_confinement(setup_.access, storage_.roots(), may_write_);
  program.spawn.argv = {setup_.media.string(), "previews"};
  for (const auto& [name, root] : storage_.roots())
    for (const std::string& word : {std::string("--root"), name + "=" + root->path().string()})
      program.spawn.argv.push_back(word);
  if (setup_.group) {
    program.spawn.argv.emplace_back("--group");
    program.spawn.argv.push_back(std::to_string(*setup_.group));
  }
  program.spawn.environment = allowed_environment({});
  program.spawn.niceness = 19;
  program.spawn.data_bytes_max = kDataBytesMax;
  charged_us_ = 0;
  FM_ASSIGN(process_, PreviewProcess::start(
                          loop_, std::move(program),
                          {[this](const std::string& complaint) { on_made(complaint); }, [this] { on_ended(); }}));
  return {};
}

void Previews::end() {
  ending_ = process_ != nullptr;
  if (ending_) process_->kill();
}

void Previews::pause() {
  const int doublings = std::min(failures_++, kPauseDoublingsMax);
  not_before_ = base::monotonic_now() + base::Duration{kPauseFirst.ms << doublings};
}

void Previews::charge() {
  const std::uint64_t used = std::max(process_->processor_us(), charged_us_);
  budget_.spend(used - charged_us_, base::monotonic_now());
  charged_us_ = used;
}

void Previews::on_made(const std::string& complaint) {
  if (!std::exchange(at_work_, false)) return end();  // it was not asked
  patience_.cancel();
  charge();
  failures_ = 0;
  const base::Instant now = base::monotonic_now();
  if (!complaint.empty() && said_.may_say(complaint, now)) base::log_warning("previews", "{}", complaint);
  if (left_out_ > 0 && said_.may_say("behind", now))
    base::log_info("previews", "previews of {} windows were left out so far: [previews] budget in worker.toml",
                   left_out_);
  idle_ = loop_.call_after(kIdleEnd, [this] { end(); });
  pump();
}

// By itself, or killed: for a new root, for its patience's end, or because there was nothing to do.
void Previews::on_ended() {
  process_.reset();
  ending_ = false;
  patience_.cancel();
  idle_.cancel();
  if (std::exchange(at_work_, false)) {
    pause();
    if (said_.may_say("ended", base::monotonic_now()))
      base::log_warning("previews", "the program that makes previews ended over an order; its previews are left out");
  }
  pump();
}

void Previews::sweep() {
  storage_.sweep_previews(base::WallTime{base::wall_now().unix_ms - setup_.config.previews.keep.ms});
  sweep_timer_ = loop_.call_after(kSweepInterval, [this] { sweep(); });
}

}  // namespace framemill::worker
