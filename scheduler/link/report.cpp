#include "scheduler/link/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/relative_path.h"
#include "base/text.h"
#include "wire/convert.h"
#include "wire/farm.pb.h"
#include "wire/limits.h"

namespace framemill::scheduler {
namespace {

using base::Error;
using base::Result;
using base::Sha256;

constexpr int kDevicesMax = 64, kSlotsMax = 256, kPackagesMax = 1024, kRootsMax = 64, kCommandsMax = 256;
constexpr int kRunningMax = 4096, kEndedMax = 1024, kPublishedMax = 4096, kTextBytesMax = 4096;
constexpr int kBatchMatesMax = 16, kBatchSizesMax = 64, kOddFramesMax = 16;

Error bad(std::string field, std::string message) {
  return Error{"link.bad_report", std::move(message), std::move(field),
               "the worker and the scheduler may be of different versions"};
}

// A string from outside: it ends up in logs and terminals.
std::string clean(const std::string& text, std::size_t bytes_max = kTextBytesMax) {
  return base::clean_text(text, bytes_max);
}

std::shared_ptr<const std::string> output_of(const wire::RunningAttempt& running) {
  std::string text = base::clean_tail(running.output(), wire::kOutputTailBytesMax, base::Lines::Keep);
  return text.empty() ? nullptr : std::make_shared<const std::string>(std::move(text));
}

Result<Sha256> digest(const std::string& bytes, const char* field) {
  Sha256 value;
  if (bytes.empty()) return value;
  if (bytes.size() != value.bytes.size()) return bad(field, fmt::format("a digest has 32 bytes, not {}", bytes.size()));
  std::memcpy(value.bytes.data(), bytes.data(), value.bytes.size());
  return value;
}

Result<std::string> relative_path(const std::string& path, const char* field) {
  if (const auto flaw = base::path_flaw(path))
    return bad(field, fmt::format("not a path inside a root, as it {}: {}", base::describe(*flaw), clean(path, 200)));
  return path;
}

PhaseId phase_id(std::uint32_t job, std::uint32_t phase) {
  return {JobId(job), phase};
}

Result<Inventory> inventory(const wire::Inventory& in) {
  if (in.devices_size() > kDevicesMax) return bad("inventory.devices", "too many devices");
  if (in.slots_size() > kSlotsMax) return bad("inventory.slots", "too many slots");
  if (in.packages_size() > kPackagesMax) return bad("inventory.packages", "too many packages");
  if (in.roots_size() > kRootsMax) return bad("inventory.roots", "too many roots");
  if (in.commands_size() > kCommandsMax) return bad("inventory.commands", "too many commands");
  Inventory out;
  out.name = clean(in.name(), 128);
  out.version = clean(in.version(), 64);
  out.media = in.media();
  out.looks_for_files = in.looks_for_files();
  out.confinement = clean(in.confinement(), 256);
  out.command_confinement = wire::confinement_from_wire(in.command_confinement());
  for (const auto& device : in.devices()) {
    if (device.kind() != "cpu" && device.kind() != "cuda")
      return bad("inventory.devices.kind", "cpu or cuda, not " + clean(device.kind(), 32));
    out.devices.push_back({clean(device.id(), 128), clean(device.name(), 128), clean(device.device_class(), 512),
                           device.kind() == "cuda" ? DeviceKind::Cuda : DeviceKind::Cpu, device.memory_bytes_total(),
                           device.memory_bytes_budget(), device.cpus()});
  }
  for (int i = 0; i < in.slots_size(); ++i) {
    const auto& slot = in.slots(i);
    if (slot.index() != static_cast<std::uint32_t>(i))
      return bad("inventory.slots.index", "slots are numbered from 0 in order");
    if (slot.device() >= static_cast<std::uint32_t>(in.devices_size()))
      return bad("inventory.slots.device", "names no device");
    SlotState state{slot.index(), clean(slot.name(), 128), slot.device(), {}, slot.usable()};
    for (const std::string& model : slot.loaded_models()) {
      FM_ASSIGN(const Sha256 value, digest(model, "inventory.slots.loaded_models"));
      state.loaded_models.push_back(value);
    }
    out.slots.push_back(std::move(state));
  }
  for (const auto& package : in.packages()) {
    FM_ASSIGN(const Sha256 root, digest(package.root_digest(), "inventory.packages.root_digest"));
    out.packages.push_back({clean(package.name() + "@" + package.version(), 256), root});
  }
  for (const auto& root : in.roots())
    out.roots.push_back({clean(root.name(), 128), root.usable(), root.free_bytes(),
                         root.tells_more() ? root.readable() : root.usable(), root.read_only(), root.tells_more(),
                         clean(root.id(), 64), clean(root.problem(), 512)});
  for (const std::string& command : in.commands()) out.commands.push_back(clean(command, 256));
  for (int i = 0; i < std::min(in.conditions_size(), kRootsMax + 1); ++i) {
    const auto& condition = in.conditions(i);
    out.conditions.push_back(
        {clean(condition.code(), 128), clean(condition.message(), 1024), clean(condition.root(), 128)});
  }
  return out;
}

Result<FilesLookedFor> files_looked_for(const wire::FilesLookedFor& in) {
  FilesLookedFor out;
  out.phase = phase_id(in.job(), in.phase());
  out.input = in.input();
  out.readable = in.readable();
  out.problem = clean(in.problem(), 512);
  if (!in.there().empty()) {
    auto there = jobs::FrameSet::parse(in.there());
    if (!there.ok()) return bad("looked_for.there", there.error().message);
    if (there->count() > kWatchedFramesMax) return bad("looked_for.there", "more frames than can be requested");
    out.there = std::move(*there);
  }
  if (in.has_refused()) {
    out.refused_frame = in.refused_frame();
    out.refused_message = clean(in.refused_message(), 1024);
  }
  return out;
}

Result<TaskFinished> finished_task(const wire::FinishedTask& in) {
  TaskFinished out;
  out.attempt = attempt_from_wire(in.attempt());
  out.phase = phase_id(in.job(), in.phase());
  out.task = in.task();
  out.duration_us = in.duration_us();
  if (in.files_size() > wire::kFilesPerReportMax)
    return bad("finished.files",
               fmt::format("a task with {} files; the limit is {}", in.files_size(), wire::kFilesPerReportMax));
  for (const auto& file : in.files()) {
    FileRecord record;
    record.kind = file.kind();
    FM_ASSIGN(record.staged, relative_path(file.staged(), "finished.files.staged"));
    FM_ASSIGN(record.path, relative_path(file.path(), "finished.files.path"));
    record.size_bytes = file.size_bytes();
    record.frame = file.frame();
    if (file.sha256().size() != 32) return bad("finished.files.sha256", "every file comes with its digest");
    FM_ASSIGN(record.sha256, digest(file.sha256(), "finished.files.sha256"));
    FM_ASSIGN(record.samples_sha256, digest(file.samples_sha256(), "finished.files.samples_sha256"));
    out.files.push_back(std::move(record));
  }
  for (const auto& read : in.read()) {
    ReadRecord record;
    record.root = clean(read.root(), 128);
    record.path = clean(read.path(), base::kRelativePathBytesMax);
    record.size_bytes = read.size_bytes();
    FM_ASSIGN(record.sha256, digest(read.sha256(), "finished.read.sha256"));
    out.reads.push_back(std::move(record));
  }
  for (int i = 0; i < std::min(in.odd_size(), kOddFramesMax); ++i)
    out.odd.emplace_back(in.odd(i).frame(), clean(in.odd(i).message(), 1024));
  return out;
}

UsageTotals usage(const wire::Usage& in) {
  UsageTotals out;
  out.load_us = in.load_us();
  out.compute_us = in.compute_us();
  out.write_us = in.write_us();
  out.lost_us = in.lost_us();
  out.wall_us = in.wall_us();
  out.model_loads = in.model_loads();
  out.steps = in.steps();
  out.batch_max = in.batch_max();
  out.peak_bytes = in.peak_bytes();
  for (int i = 0; i < std::min(in.batch_mates_size(), kBatchMatesMax); ++i)
    out.batch_mates.push_back(clean(in.batch_mates(i), 64));
  for (int i = 0; i < std::min(in.batch_sizes_size(), kBatchSizesMax); ++i)
    out.batch_sizes.push_back({in.batch_sizes(i).windows(), in.batch_sizes(i).calls()});
  return out;
}

Result<AttemptEnded> ended_attempt(const wire::EndedAttempt& in) {
  AttemptEnded out;
  out.attempt = attempt_from_wire(in.attempt());
  const auto outcome = jobs::outcome_from_code(in.outcome());
  if (!outcome) return bad("ended.outcome", "unknown outcome " + clean(in.outcome(), 64));
  out.outcome = *outcome;
  out.code = clean(in.code(), 128);
  out.message = clean(in.message(), kTextBytesMax);
  if (in.has_frame()) out.frame = in.frame();
  out.alone = in.alone();
  for (int i = 0; i < std::min(in.failed_tasks_size(), kRunningMax); ++i)
    out.failed_tasks.push_back(in.failed_tasks(i));
  out.device_class = clean(in.usage().device_class(), 512);
  out.usage = usage(in.usage());
  out.output_tail = base::clean_tail(in.output_tail(), wire::kOutputTailBytesMax, base::Lines::Keep);
  return out;
}

// What cannot be taken as it was said ends its attempt, and nothing else: the report's other items are acknowledged.
AttemptEnded ended_by(const base::Error& error, const wire::AttemptId& attempt, std::optional<TaskIndex> task) {
  AttemptEnded out;
  out.attempt = attempt_from_wire(attempt);
  out.outcome = jobs::Outcome::BadOutput;
  out.code = error.code;
  out.message = fmt::format("The worker's report of it cannot be read: {}: {}.", error.field, error.message);
  if (task) out.failed_tasks.push_back(*task);
  return out;
}

}  // namespace

Result<ParsedReport> parse_report(std::string_view bytes, const std::string& key) {
  wire::WorkerReport in;
  if (bytes.size() > wire::kFarmMessageBytesMax || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return bad("", "the message does not parse as a WorkerReport");
  if (in.protocol() < wire::kProtocolVersionOldest || in.protocol() > wire::kProtocolVersion)
    return Error{"link.protocol",
                 fmt::format("the worker speaks protocol {}, this scheduler {} to {}", in.protocol(),
                             wire::kProtocolVersionOldest, wire::kProtocolVersion),
                 "protocol", "install one version of Framemill on scheduler and workers"};
  if (in.incarnation() == 0 || in.sequence() == 0) return bad("incarnation", "incarnation and sequence start at 1");
  if (in.running_size() > kRunningMax) return bad("running", "too many attempts");
  if (in.ended_size() > kEndedMax) return bad("ended", "too many ended attempts");
  if (in.published_size() + in.publish_failed_size() > kPublishedMax) return bad("published", "too many entries");
  if (in.manifests_size() > kEndedMax) return bad("manifests", "too many entries");
  if (in.publishing_size() > kPublishedMax) return bad("publishing", "too many ranges");
  if (in.looked_for_size() > kPublishedMax) return bad("looked_for", "too many entries");
  if (in.staged_size() > kRunningMax) return bad("staged", "too many attempts");

  ParsedReport parsed;
  WorkerReported& out = parsed.event;
  out.key = key;
  out.incarnation = in.incarnation();
  out.sequence = in.sequence();
  out.draining = in.draining();
  parsed.heard = {{in.acked_epoch(), in.acked_epoch_nonce()}, in.acked_durable_sequence(), in.acked_era()};
  if (in.has_inventory()) {
    if (auto told = inventory(in.inventory()); told.ok())
      out.inventory = std::move(told).value();
    else
      parsed.refused.push_back(told.error());
  }
  for (const auto& running : in.running())
    out.running.push_back({attempt_from_wire(running.attempt()),
                           running.task(),
                           running.step(),
                           running.steps(),
                           running.batch(),
                           running.model_warm(),
                           running.peak_bytes(),
                           clean(running.detail(), wire::kDetailBytesMax),
                           usage(running.usage()),
                           output_of(running),
                           running.moves(),
                           {running.tasks().first(), running.tasks().count()},
                           running.loading_model()});
  for (const auto& finished : in.finished()) {
    if (auto task = finished_task(finished); task.ok()) {
      out.finished.push_back(std::move(task).value());
    } else {
      parsed.refused.push_back(task.error());
      out.ended.push_back(ended_by(task.error(), finished.attempt(), finished.task()));
    }
  }
  for (const auto& ended : in.ended()) {
    if (auto attempt = ended_attempt(ended); attempt.ok()) {
      out.ended.push_back(std::move(attempt).value());
    } else {
      parsed.refused.push_back(attempt.error());
      out.ended.push_back(ended_by(attempt.error(), ended.attempt(), std::nullopt));
    }
  }
  for (const auto& published : in.published())
    out.published.push_back({phase_id(published.tasks().job(), published.tasks().phase()),
                             {published.tasks().first(), published.tasks().count()}});
  for (const auto& failed : in.publish_failed())
    out.publish_failed.push_back({phase_id(failed.tasks().job(), failed.tasks().phase()),
                                  {failed.tasks().first(), failed.tasks().count()},
                                  clean(failed.code(), 128),
                                  clean(failed.message())});
  for (const std::uint32_t job : in.discarded_jobs()) out.discarded.push_back(JobId(job));
  for (const auto& manifest : in.manifests())
    out.manifests.push_back({JobId(manifest.job()), manifest.number(), manifest.revision(), clean(manifest.code(), 128),
                             clean(manifest.message())});
  for (const auto& looked : in.looked_for()) {
    FM_ASSIGN(FilesLookedFor entry, files_looked_for(looked));
    out.looked_for.push_back(std::move(entry));
  }
  for (const auto& staged : in.staged())
    out.staged.push_back({attempt_from_wire(staged.attempt()),
                          phase_id(staged.job(), staged.phase()),
                          {staged.tasks().begin(), staged.tasks().end()}});
  if (in.tells_publishing()) {
    out.publishing.emplace();
    for (const auto& held : in.publishing())
      out.publishing->push_back({phase_id(held.job(), held.phase()), {held.first(), held.count()}});
  }
  return parsed;
}

}  // namespace framemill::scheduler
