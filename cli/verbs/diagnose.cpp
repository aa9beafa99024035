// framemill diagnose JOB: what is wrong with it, whose fault that is, what waits for it, and what to type next.
#include <fmt/format.h>

#include <ostream>

#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

std::string head_of(const FindingView& finding) {
  std::string head = finding.kind == "waiting" || finding.kind == "slow" ? finding.kind : "";
  if (head.empty())
    head = finding.tasks > 0 ? fmt::format("{}: {}", finding.kind, counted(finding.tasks, "task")) : finding.kind;
  if (!finding.layer.empty()) head += " of " + finding.layer;
  if (!finding.frames.empty()) head += fmt::format(" (frames {})", finding.frames);
  return head;
}

void print_finding(const FindingView& finding, Session& session) {
  const bool is_bad = finding.kind == "failure" || finding.kind == "quarantine";
  session.out() << '\n' << paint(session.terminal(), is_bad ? Tone::Bad : Tone::Warning, head_of(finding)) << '\n';
  if (!finding.message.empty()) session.out() << fmt::format("  {} [{}]\n", finding.message, finding.code);
  std::string where;
  for (const auto& [worker, tasks] : finding.workers)
    where +=
        (where.empty() ? "" : ", ") + (tasks > 0 ? fmt::format("{} ({})", worker, counted(tasks, "task")) : worker);
  if (!where.empty()) session.out() << "  on " << where << '\n';
  session.out() << "  " << finding.because << '\n';
  if (!finding.log_line.empty()) session.out() << "  log: " << finding.log_line << '\n';
  if (!finding.waiting.empty()) session.out() << "  waits for it: " << finding.waiting << '\n';
  for (std::size_t i = 0; i < finding.next.size(); ++i)
    session.out() << (i == 0 ? "  next: " : "  then: ") << finding.next[i] << '\n';
}

base::Result<ExitCode> run(const std::string& job, Session& session) {
  FM_ASSIGN(const std::string target, session.job_target(job, "/diagnosis"));
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->get(target));
  FM_ASSIGN(const DiagnosisView diagnosis, read_diagnosis(answer));
  if (session.json()) {
    session.print_json(answer);
    return ExitCode::Ok;
  }
  session.out() << diagnosis.sentence << '\n';
  for (const FindingView& finding : diagnosis.findings) print_finding(finding, session);
  return ExitCode::Ok;
}

}  // namespace

void declare_diagnose(Arguments& program) {
  auto job = std::make_shared<std::string>();
  Arguments verb =
      program.verb("diagnose", "Say what is wrong with a job and what to do next", "framemill diagnose last");
  verb.positional("JOB", *job, "Job number, or last for your newest");
  verb.run([job](Session& session) { return run(*job, session); });
}

}  // namespace framemill::cli
