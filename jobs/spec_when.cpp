// When a job is wanted and when it may begin: deadline, start_after, after_job.
#include <fmt/format.h>

#include <charconv>

#include "base/rfc3339.h"
#include "base/units.h"
#include "jobs/spec_draft.h"

namespace framemill::jobs {
namespace {

constexpr const char* kMoment = "RFC 3339 with an offset: 2026-12-24T18:00:00+01:00";
constexpr const char* kStart =
    "a moment in RFC 3339 with an offset (2026-12-24T18:00:00+01:00), or a duration from the submit (90s, 5m, 2h), at "
    "most 365 days";
constexpr const char* kReference = "\"12\", \"NAME\", \"NAME@VERSION\", or a table with job or name";
constexpr base::Duration kDelayMax = base::seconds(std::int64_t{365} * 24 * 3600);
constexpr std::int64_t kVersionMax = 999'999;

bool is_moment_type(const Node& node) {
  return node.type == Node::Type::DateTime || node.type == Node::Type::String;
}

void read_deadline(SpecTable& table, JobSpec& job) {
  const Node* deadline = table.take("deadline");
  if (deadline == nullptr) return;
  if (is_moment_type(*deadline)) job.deadline = base::parse_rfc3339(deadline->text);
  if (job.deadline) return;
  if (is_moment_type(*deadline))
    table.fail("deadline", "bad_deadline", fmt::format("\"{}\" is not a moment", printable(deadline->text)), kMoment);
  else
    table.fail("deadline", "wrong_type", fmt::format("this is {}", config::name(deadline->type)), kMoment);
}

void read_start(SpecTable& table, JobSpec& job) {
  const Node* start = table.take("start_after");
  if (start == nullptr) return;
  if (!is_moment_type(*start))
    return table.fail("start_after", "wrong_type", fmt::format("this is {}", config::name(start->type)), kStart);
  job.start_after = base::parse_rfc3339(start->text);
  if (job.start_after) return;
  const auto delay = base::parse_duration(start->text);
  if (delay && delay->ms >= 0 && *delay <= kDelayMax)
    job.start_delay = *delay;
  else
    table.fail("start_after", "bad_start",
               fmt::format("\"{}\" is neither a moment nor a duration", printable(start->text)), kStart,
               base::duration_meant(start->text));
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

// "12", "boards", "boards@3".
JobReference reference_of(const std::string& text) {
  JobReference reference;
  if (const auto job = number_of(text)) {
    reference.job = *job;
    return reference;
  }
  const std::size_t at = text.rfind('@');
  const auto version = at == std::string::npos ? std::nullopt : number_of(std::string_view(text).substr(at + 1));
  reference.name = version ? text.substr(0, at) : text;
  reference.version = version;
  return reference;
}

JobReference reference_of(const Node& node, const std::string& field, Findings& errors) {
  JobReference reference;
  SpecTable table(node, field, errors);
  if (const auto job = table.integer("job", 1, UINT32_MAX)) reference.job = static_cast<std::uint32_t>(*job);
  reference.name = table.text("name", TextRule::Line).value_or("");
  if (const auto version = table.integer("version", 1, kVersionMax))
    reference.version = static_cast<std::uint32_t>(*version);
  reference.shot = table.text("shot", TextRule::Word).value_or("");
  const auto when = table.choice("when", {"done", "over"});
  reference.any_end = when && *when == 1;
  if (table.has("job") == table.has("name"))
    table.fail("job", table.has("job") ? "conflicting_keys" : "missing_key",
               "a job is named by its number, under job, or by its name, under name", kReference);
  else if (table.has("job") && (table.has("version") || table.has("shot")))
    table.fail("job", "conflicting_keys", "version and shot belong to a name; a number says it all", kReference);
  table.finish();
  return reference;
}

void read_after_jobs(SpecTable& table, JobSpec& job, Findings& errors) {
  const Node* given = table.take("after_job");
  if (given == nullptr) return;
  const bool is_list = given->type == Node::Type::Array;
  const std::size_t count = is_list ? given->items.size() : 1;
  if (count > kAfterJobsMax)
    return table.fail("after_job", "too_large", fmt::format("{} jobs; the limit is {}", count, kAfterJobsMax));
  for (std::size_t i = 0; i < count; ++i) {
    const Node& item = is_list ? given->items[i] : *given;
    const std::string key = is_list ? fmt::format("after_job[{}]", i) : "after_job";
    if (item.type == Node::Type::Table) {
      job.after_jobs.push_back(reference_of(item, key, errors));
    } else if (item.type == Node::Type::Integer && item.integer > 0 && item.integer <= UINT32_MAX) {
      JobReference reference;
      reference.job = static_cast<std::uint32_t>(item.integer);
      job.after_jobs.push_back(std::move(reference));
    } else if (item.type == Node::Type::String) {
      const auto text = table.text_of(item, key, TextRule::Line);
      if (text && text->find_first_not_of(' ') == std::string::npos)
        table.fail(key, "out_of_range", "a job has a number or a name", kReference);
      else if (text)
        job.after_jobs.push_back(reference_of(*text));
    } else {
      table.fail(key, "wrong_type", fmt::format("this is {}", config::name(item.type)), kReference);
    }
  }
}

}  // namespace

void read_when(SpecTable& table, JobSpec& job, Findings& errors) {
  read_deadline(table, job);
  read_start(table, job);
  read_after_jobs(table, job, errors);
}

}  // namespace framemill::jobs
