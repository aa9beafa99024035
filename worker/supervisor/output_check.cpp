#include "worker/supervisor/output_check.h"

#include <algorithm>

#include "base/text.h"
#include "jobs/attempt_error.h"
#include "jobs/file_kind.h"
#include "wire/farm.pb.h"
#include "wire/media.pb.h"
#include "wire/recipe_kind.h"
#include "worker/supervisor/small_files.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

constexpr std::size_t kMessageBytesMax = 1024, kCodeBytesMax = 64, kOddMax = 16;
constexpr std::size_t kDigestBytes = 32;

std::string clean(const std::string& text) {
  return base::clean_text(text, kMessageBytesMax);
}

base::Error unchecked(const char* why) {
  return base::error_of(jobs::AttemptError::OutputUnchecked,
                        std::string("framemill-media did not report on the files: ") + why);
}

bool runs_program(const wire::Grant& grant) {
  return wire::traits(grant.recipe()).runner == jobs::Runner::Program;
}

}  // namespace

bool needs_check(const wire::Grant& grant, const std::vector<ExpectedFile>& expected) {
  if (!runs_program(grant) || grant.recipe().unchecked()) return false;
  return std::any_of(expected.begin(), expected.end(),
                     [](const ExpectedFile& file) { return jobs::file_kind(file.path) != jobs::FileKind::Other; });
}

bool is_opened(const wire::Grant& grant, const std::vector<ExpectedFile>& expected) {
  if (!grant.recipe().unchecked()) return needs_check(grant, expected);
  return runs_program(grant) && std::any_of(expected.begin(), expected.end(), [](const ExpectedFile& file) {
           return jobs::file_kind(file.path) == jobs::FileKind::FrameFile;
         });
}

base::Status write_check_request(const RootDirectory& root, const wire::Grant& grant,
                                 const std::vector<ExpectedFile>& expected, const std::vector<wire::InputFile>& read,
                                 CheckScope scope) {
  wire::CheckRequest request;
  *request.mutable_recipe() = grant.recipe();
  request.set_inputs_only(scope == CheckScope::InputsOnly);
  for (const ExpectedFile& file : expected) {
    wire::CheckFile& asked = *request.add_files();
    asked.set_staged(file.staged);
    asked.set_path(file.path);
    asked.set_frame(file.frame);
    asked.set_has_frame(file.has_frame);
    asked.set_task(file.task);
  }
  for (const wire::InputFile& input : read) *request.add_inputs() = input;
  FM_ASSIGN(const UniqueFd directory, root.open_directory(staging_path(attempt_of(grant)), MakeDirectories::No));
  ::unlinkat(directory.get(), kCheckReplyName, 0);
  return write_at(directory.get(), kCheckRequestName, request.SerializeAsString(), Durable::No);
}

base::Result<CheckAnswer> read_check_answer(const RootDirectory& root, const wire::Grant& grant,
                                            std::size_t expected_files) {
  const auto directory = root.open_directory(staging_path(attempt_of(grant)), MakeDirectories::No);
  if (!directory.ok()) return unchecked("its directory is gone");
  const auto bytes = read_at(directory->get(), kCheckReplyName);
  wire::CheckReply reply;
  if (!bytes.ok() || !reply.ParseFromString(*bytes)) return unchecked("there is none");
  CheckAnswer answer;
  for (const wire::CheckedFile& file : reply.files()) {
    if (file.file() >= expected_files) return unchecked("it reported on a file that was not in the request");
    CheckVerdict& verdict = answer.files[file.file()];
    if (file.samples_sha256().size() == kDigestBytes) verdict.samples_sha256 = file.samples_sha256();
    if (!file.code().empty())
      verdict.error = base::Error{base::clean_text(file.code(), kCodeBytesMax), clean(file.message()), "", ""};
  }
  if (!reply.input_code().empty()) {
    answer.input_error = base::error_of(jobs::AttemptError::InputUnreadable, clean(reply.input_message()));
    answer.input_frame = reply.input_frame();
  }
  for (const wire::CheckedOther& other : reply.odd())
    if (answer.odd.size() < kOddMax) answer.odd.emplace_back(other.frame(), clean(other.message()));
  return answer;
}

}  // namespace framemill::worker
