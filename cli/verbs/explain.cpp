// framemill explain JOB: why a task is not running, and what would change it.
#include <fmt/format.h>

#include <ostream>

#include "cli/verbs/verbs.h"
#include "cli/views.h"

namespace framemill::cli {
namespace {

struct Options {
  std::string job, layer;
  std::optional<std::int64_t> variant, frame;
};

void print_reason(const ReasonView& reason, Session& session) {
  std::string who = reason.slots == 0 ? std::string() : " " + counted(reason.slots, "slot");
  std::string examples;
  for (const std::string& example : reason.examples) examples += (examples.empty() ? "" : ", ") + example;
  if (!examples.empty())
    who += fmt::format(" ({}{})", examples,
                       reason.slots > static_cast<std::int64_t>(reason.examples.size()) ? ", ..." : "");
  session.out() << fmt::format("  {}{}: {}\n", paint(session.terminal(), Tone::Warning, reason.reason), who,
                               reason.because);
  if (!reason.remedy.empty()) session.out() << "    " << reason.remedy << '\n';
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  const std::string query = query_text({{"layer", options.layer},
                                        {"variant", options.variant ? std::to_string(*options.variant) : ""},
                                        {"frame", options.frame ? std::to_string(*options.frame) : ""}});
  FM_ASSIGN(const std::string target, session.job_target(options.job, "/explain" + query));
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->get(target));
  FM_ASSIGN(const ExplanationView explanation, read_explanation(answer));
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.out() << explanation.sentence << '\n';
    for (const ReasonView& reason : explanation.reasons) print_reason(reason, session);
  }
  return explanation.can_never_run ? ExitCode::CanNeverRun : ExitCode::Ok;
}

}  // namespace

void declare_explain(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb =
      program.verb("explain", "Say why something is not running", "framemill explain 12 --layer hb_0010 --frame 1040");
  verb.positional("JOB", options->job, "Job number, or last for your newest");
  verb.option("--layer", options->layer, "NAME", "Of this layer (the first that waits)");
  verb.option("--variant", options->variant, "N", "Of this variant, counted from 0");
  verb.option("--frame", options->frame, "N", "Of the task that makes this frame");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
