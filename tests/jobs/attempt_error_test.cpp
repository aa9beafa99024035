#include "jobs/attempt_error.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <string_view>

#include "base/os_error.h"
#include "base/path_error.h"
#include "jobs/publish_error.h"

namespace framemill::jobs {
namespace {

Outcome outcome_of_code(std::string_view code) {
  return outcome_of(base::Error{std::string(code), "", "", ""});
}

TEST_CASE("every error of an attempt has its own code and is found by it") {
  std::set<std::string_view> codes;
  for (int i = 0; i < kAttemptErrorCount; ++i) {
    const auto error = static_cast<AttemptError>(i);
    CHECK(codes.insert(text_of(error)).second);
    CHECK(attempt_error_from_code(text_of(error)) == error);
  }
}

TEST_CASE("an attempt's error has the outcome of its row, and the host's and the storage's are not the task's") {
  CHECK(outcome_of_code("gpu.out_of_memory") == Outcome::Oom);
  CHECK(outcome_of_code("frames.nan") == Outcome::BadOutput);
  CHECK(outcome_of_code("command.missing_output") == Outcome::BadOutput);
  CHECK(outcome_of_code("media.ffmpeg_missing") == Outcome::NotAdmitted);
  CHECK(outcome_of_code("storage_full") == Outcome::StorageFull);
  for (const char* code : {"grant.inputs_unknown", "grant.not_sent"}) CHECK(outcome_of_code(code) == Outcome::Revoked);
  for (const char* code : {"storage_failed", "host.descriptors", "host.installation"})
    CHECK(outcome_of_code(code) == Outcome::NotAdmitted);
}

TEST_CASE("a code of another version is work that failed and may be tried again") {
  for (const char* code : {"input.something_new", "host.something_new", "command.exit", ""}) {
    INFO(code);
    CHECK(outcome_of_code(code) == Outcome::Failed);
    CHECK_FALSE(is_tried_once(code));
    CHECK_FALSE(depends_on_worker(code));
  }
}

TEST_CASE("what could only end the same way is tried once, and what a host or its storage did is not") {
  for (const char* code :
       {"command.cannot_start", "command.too_long", "grant.too_large", "report.too_large", "input.unreadable"})
    CHECK(is_tried_once(code));
  CHECK(depends_on_worker("command.cannot_start"));
  CHECK_FALSE(depends_on_worker("command.too_long"));
  for (const char* code :
       {"command.exit", "command.signal", "host.processes", "storage_failed", "input.read", "ok", ""})
    CHECK_FALSE(is_tried_once(code));
}

TEST_CASE(
    "every error of publishing has its own code, and a retry publishes again what lies in its staging directory") {
  std::set<std::string_view> codes;
  for (int i = 0; i < kPublishErrorCount; ++i) {
    const auto error = static_cast<PublishError>(i);
    CHECK(codes.insert(text_of(error)).second);
    CHECK(publish_error_from_code(text_of(error)) == error);
    CHECK(publish_error_row(error).files_stay == (error != PublishError::Missing));
  }
}

TEST_CASE("publishing waits for a host and its storage, and for whatever a newer worker may say") {
  CHECK(publish_remedy("publish.missing") == PublishRemedy::MakeAgain);
  CHECK(publish_remedy("publish.exists_other") == PublishRemedy::GiveUp);
  CHECK(publish_remedy("publish.path") == PublishRemedy::TryAgain);
  CHECK(publish_remedy(text_of(base::PathError::Denied)) == PublishRemedy::TryAgain);
  for (const char* code : {"storage_full", "host.memory", "worker.busy", "publish.something_new", ""})
    CHECK(publish_remedy(code) == PublishRemedy::Wait);
}

}  // namespace
}  // namespace framemill::jobs
