#include "worker/daemon/attempt_logs.h"

#include <charconv>
#include <optional>

namespace framemill::worker {
namespace {

// The attempt that a line of the executor names: "attempt 17 ended: ...".
std::optional<std::uint64_t> attempt_named_in(std::string_view line) {
  constexpr std::string_view kWord = "attempt ";
  const std::size_t at = line.find(kWord);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t counter = 0;
  const char* first = line.data() + at + kWord.size();
  const auto parsed = std::from_chars(first, line.data() + line.size(), counter);
  return parsed.ec == std::errc() ? std::optional(counter) : std::nullopt;
}

}  // namespace

void AttemptLogs::begin(const AttemptId& attempt, SlotIndex slot, const std::string& first_line) {
  Log& log = logs_[attempt];
  log = {slot, {}, true};
  log.output.add(first_line + "\n");
}

void AttemptLogs::add(SlotIndex slot, std::string_view line) {
  const auto named = attempt_named_in(line);
  for (auto& [attempt, log] : logs_) {
    if (log.slot != slot || (named && *named != attempt.counter)) continue;
    log.output.add(line);
    log.output.add("\n");
    log.changed = true;
  }
}

std::string AttemptLogs::text(const AttemptId& attempt) const {
  const auto found = logs_.find(attempt);
  return found == logs_.end() ? "" : found->second.output.text();
}

std::map<AttemptId, std::string> AttemptLogs::texts_of(SlotIndex slot) const {
  std::map<AttemptId, std::string> texts;
  for (const auto& [attempt, log] : logs_)
    if (log.slot == slot) texts[attempt] = log.output.text();
  return texts;
}

std::vector<std::pair<AttemptId, std::string>> AttemptLogs::take_changed() {
  std::vector<std::pair<AttemptId, std::string>> changed;
  for (auto& [attempt, log] : logs_)
    if (std::exchange(log.changed, false)) changed.emplace_back(attempt, log.output.text());
  return changed;
}

}  // namespace framemill::worker
