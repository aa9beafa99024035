// The second half of a command's attempt: a child of its own opens what the program wrote (output_check.h), and after a
// program that failed, what it read.
#include <fmt/format.h>

#include "base/clock.h"
#include "base/os_error.h"
#include "jobs/attempt_error.h"
#include "wire/farm.pb.h"
#include "worker/supervisor/child_runner.h"
#include "worker/supervisor/output_check.h"
#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

constexpr base::Duration kCheckLimitBase = base::seconds(60), kCheckLimitPerFile = base::seconds(10);

std::string end_of_check(const ProcessEnd& end, const OutputTail& tail) {
  return end.signal != 0 ? fmt::format("was ended by signal {}", end.signal)
                         : fmt::format("ended with status {}: {}", end.exit_status, tail.last_line());
}

}  // namespace

void ChildRunner::check_outputs(CheckScope scope) {
  on_io(
      [root = roots_.at(grant_.recipe().root()), grant = grant_, expected = plan_.expected, read = read_, scope,
       user = program_user()] {
        if (user) take_over_outputs(*root, grant, expected);
        settle_links(*root, grant, expected);
        return write_check_request(*root, grant, expected, read, scope);
      },
      [scope](ChildRunner& self, const base::Status& written) {
        if (self.stopped_) return self.end(jobs::Outcome::Revoked, "", "");
        if (!written.ok()) return self.end(written.error());
        self.launch_check(scope);
      });
}

void ChildRunner::launch_check(CheckScope scope) {
  const std::string& staging = staging_.path;
  const std::string request = fmt::format("{}/{}", staging, kCheckRequestName), media = settings_.media.string();
  ChildSettings child =
      media_child(settings_.check.empty() ? std::vector<std::string>{media, "check", request, "--staging", staging}
                                          : std::vector<std::string>{settings_.check.string(), request, "--media",
                                                                     media, "--staging", staging});
  file_at_check_.reset();
  check_took_too_long_ = check_began_ = false;
  const std::weak_ptr<ChildRunner> weak = weak_from_this();
  auto started = ChildProcess::start(loop_, std::move(child),
                                     {[weak](std::string_view line) {
                                        std::uint32_t file = 0, files = 0;
                                        const auto self = weak.lock();
                                        if (!self || !parse_progress_line(line, file, files)) return;
                                        self->check_began_ = true;
                                        if (files > 0) self->file_at_check_ = file;
                                      },
                                      [] {},
                                      [weak, scope](const ProcessEnd& end, const OutputTail& tail) {
                                        if (const auto self = weak.lock()) self->on_check_end(scope, end, tail);
                                      }});
  if (!started.ok()) return end(launch_error(started.error()));
  child_ = std::move(*started);
  checking_ = true;
  const auto limit = kCheckLimitBase + kCheckLimitPerFile * static_cast<std::int64_t>(plan_.expected.size());
  check_limit_ = loop_.call_after(limit, [weak] {
    const auto self = weak.lock();
    if (!self || !self->child_) return;
    self->check_took_too_long_ = true;
    self->child_->stop();
  });
}

void ChildRunner::on_check_end(CheckScope scope, const ProcessEnd& process_end, const OutputTail& tail) {
  child_.reset();
  check_limit_.cancel();
  if (stopped_) return end(jobs::Outcome::Revoked, "", "");
  if (process_end.exit_status != 0 && !failure_.code.empty()) return fail_as_it_did();
  // Its storage or this host failed, and no file.
  if (const auto error = error_of_media(tail.last_line());
      process_end.exit_status != 0 && error && base::is_of_system(*error))
    return end(base::root_of(*error).empty() ? base::in_root(*error, grant_.recipe().root()) : *error);
  if (process_end.exit_status != 0 && grant_.recipe().unchecked()) return collect({});
  if (process_end.exit_status != 0) {
    // The file that was open is the one that did it.
    const bool known = file_at_check_ && *file_at_check_ < plan_.expected.size();
    const ExpectedFile* file = known ? &plan_.expected[*file_at_check_] : nullptr;
    if (file != nullptr && file->has_frame) bad_frame_ = file->frame;
    if (!check_began_)  // no file was opened: this host cannot run it
      return end(base::error_of(base::SystemError::Installation,
                                fmt::format("the program that opens outputs {}", end_of_check(process_end, tail)), "",
                                "see that this worker's programs are installed and have memory and threads to start"));
    const std::string how = check_took_too_long_ ? "took too long" : end_of_check(process_end, tail);
    return refuse_unless_host_did(
        base::error_of(jobs::AttemptError::OutputUnreadable,
                       fmt::format("{}: the program that opens it {}", file ? file->staged : "the output", how)));
  }
  on_io(
      [root = roots_.at(grant_.recipe().root()), grant = grant_, files = plan_.expected.size()] {
        return read_check_answer(*root, grant, files);
      },
      [scope](ChildRunner& self, base::Result<CheckAnswer> answer) { self.on_check_answer(scope, std::move(answer)); });
}

void ChildRunner::on_check_answer(CheckScope scope, base::Result<CheckAnswer> answer) {
  if (stopped_) return end(jobs::Outcome::Revoked, "", "");
  if (answer.ok() && answer->input_error) {
    bad_frame_ = answer->input_frame;
    return end(*answer->input_error);
  }
  if (!failure_.code.empty() && (scope == CheckScope::InputsOnly || !answer.ok())) return fail_as_it_did();
  if (!answer.ok()) return grant_.recipe().unchecked() ? collect({}) : end(answer.error());
  // Of a chunk whose program failed, what is whole is kept: a file of a kind that nobody opens may be cut.
  answer->only_these = !failure_.code.empty();
  collect(std::move(*answer));
}

}  // namespace framemill::worker
