#include "worker/core/outbox.h"

#include <algorithm>

namespace framemill::worker {
namespace {

struct Weight {
  std::size_t bytes = 0;
  std::uint32_t files = 0;
};

std::size_t bytes_of(const Usage& usage) {
  std::size_t bytes = 96 + usage.device_class.size() + 14 * usage.batch_sizes.size();
  for (const std::string& mate : usage.batch_mates) bytes += mate.size() + 2;
  return bytes;
}

Weight weight(const ReportItem& item) {
  constexpr std::size_t kFrame = 96;  // ids, tags and lengths around the strings
  if (const auto* task = std::get_if<FinishedTask>(&item)) return {kFrame + task->message.size(), task->files};
  if (const auto* ended = std::get_if<EndedAttempt>(&item))
    return {kFrame + ended->code.size() + ended->text.size() + bytes_of(ended->usage) + ended->output_tail.size() +
                5 * ended->failed_tasks.size(),
            0};
  if (const auto* failure = std::get_if<PublishFailure>(&item))
    return {kFrame + failure->code.size() + failure->text.size(), 0};
  if (const auto* manifest = std::get_if<ManifestResult>(&item))
    return {kFrame + manifest->code.size() + manifest->text.size(), 0};
  return {kFrame, 0};
}

const PublishDuty* duty_of(const ReportItem& item) {
  if (const auto* published = std::get_if<PublishedTasks>(&item)) return &published->duty;
  if (const auto* failure = std::get_if<PublishFailure>(&item)) return &failure->duty;
  return nullptr;
}

}  // namespace

void Outbox::add(ReportItem item) {
  if (const PublishDuty* duty = duty_of(item)) duties_.insert(*duty);
  entries_.push_back({std::move(item), 0, base::Instant{INT64_MIN}, kRepeatFirst});
}

std::vector<ReportItem> Outbox::take(std::uint64_t sequence, base::Instant now) {
  std::vector<ReportItem> items;
  Weight sum;
  for (Entry& entry : entries_) {
    if (entry.due > now) continue;
    if (items.size() >= kReportItemsMax) break;
    const Weight one = weight(entry.item);
    if (!items.empty() && (sum.bytes + one.bytes > kReportBytesMax || sum.files + one.files > kReportFilesMax)) break;
    sum.bytes += one.bytes;
    sum.files += one.files;
    items.push_back(entry.item);
    entry.sent_in = sequence;
    entry.due = now + entry.pause;
    // Growing pauses: with a constant one, a store slower than the pause would never acknowledge the last repeat.
    entry.pause = std::min(entry.pause * 2, kRepeatMax);
  }
  return items;
}

template <class Covers>
std::vector<ReportItem> Outbox::remove_if_sent_in(Covers covers) {
  std::vector<ReportItem> done;
  std::erase_if(entries_, [&](Entry& entry) {
    if (entry.sent_in == 0 || !covers(entry.sent_in)) return false;
    if (const PublishDuty* duty = duty_of(entry.item)) duties_.erase(*duty);
    done.push_back(std::move(entry.item));
    return true;
  });
  return done;
}

std::vector<ReportItem> Outbox::acknowledge(const std::vector<std::uint64_t>& sequences) {
  if (sequences.empty()) return {};
  const std::set<std::uint64_t> durable(sequences.begin(), sequences.end());
  return remove_if_sent_in([&](std::uint64_t sequence) { return durable.contains(sequence); });
}

std::vector<ReportItem> Outbox::acknowledge_up_to(std::uint64_t sequence) {
  return remove_if_sent_in([&](std::uint64_t sent_in) { return sent_in <= sequence; });
}

void Outbox::connection_lost() {
  for (Entry& entry : entries_) entry = {std::move(entry.item), 0, base::Instant{INT64_MIN}, kRepeatFirst};
}

base::Instant Outbox::next_due() const {
  // New items stand at the end, so the common question is answered without a walk.
  if (!entries_.empty() && entries_.back().sent_in == 0) return entries_.back().due;
  base::Instant soonest = base::kNever;
  for (const Entry& entry : entries_) soonest = std::min(soonest, entry.due);
  return soonest;
}

bool Outbox::holds(const ManifestDuty& duty) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    const auto* result = std::get_if<ManifestResult>(&entry.item);
    return result != nullptr && result->duty == duty;
  });
}

}  // namespace framemill::worker
