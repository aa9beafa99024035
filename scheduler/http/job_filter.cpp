#include "scheduler/http/job_filter.h"

#include "base/rfc3339.h"
#include "base/text.h"
#include "scheduler/http/call.h"

namespace framemill::scheduler {
namespace {

// A job's state, or a condition beside it.
base::Status read_state(const std::string& text, JobFilter& filter) {
  filter.state = jobs::job_state_from_name(text);
  if (!filter.state) filter.condition = condition_from_name(text);
  if (filter.state || filter.condition) return {};
  return bad_parameter("state",
                       "must be queued, running, paused, done, failed or cancelled, or a condition: stuck, blocked, "
                       "starved, throttled or input_missing");
}

}  // namespace

base::Result<JobFilter> read_job_filter(const std::function<base::Result<std::string>(std::string_view)>& value_of) {
  JobFilter filter;
  FM_ASSIGN(filter.principal, value_of("user"));
  FM_ASSIGN(filter.show, value_of("show"));
  FM_ASSIGN(filter.sequence, value_of("sequence"));
  FM_ASSIGN(filter.shot, value_of("shot"));
  FM_ASSIGN(filter.tag, value_of("tag"));
  FM_ASSIGN(filter.text, value_of("text"));
  if (base::valid_utf8(filter.text) != filter.text) return bad_parameter("text", "must be UTF-8");
  FM_ASSIGN(const std::string state, value_of("state"));
  if (!state.empty()) FM_TRY(read_state(state, filter));
  FM_ASSIGN(const std::string since, value_of("since"));
  if (since.empty()) return filter;
  const auto moment = base::parse_rfc3339(since);
  if (!moment) return bad_parameter("since", "must be a moment such as 2026-12-24T18:00:00Z");
  filter.since = *moment;
  return filter;
}

std::string words_of(const JobFilter& filter) {
  std::string words = filter.principal.empty() ? "jobs" : "jobs of " + filter.principal;
  const auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) words += ", " + std::string(key) + " " + std::string(value);
  };
  add("show", filter.show);
  add("sequence", filter.sequence);
  add("shot", filter.shot);
  if (filter.state) add("state", jobs::name(*filter.state));
  if (filter.condition) add("condition", name(*filter.condition));
  add("tag", filter.tag);
  add("text", filter.text);
  if (filter.since.unix_ms != 0) add("since", base::format_rfc3339(filter.since));
  return words;
}

}  // namespace framemill::scheduler
