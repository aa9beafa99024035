#include "cli/never_runs.h"

#include <fmt/format.h>

#include "cli/views.h"

namespace framemill::cli {

std::string never_runs_text(Session& session, std::int64_t job) {
  const auto server = session.api();
  if (!server.ok()) return {};
  const auto answer = (*server)->get(fmt::format("/api/v1/jobs/{}/explain", job));
  if (!answer.ok()) return {};
  const auto explanation = read_explanation(*answer);
  if (!explanation.ok() || !explanation->can_never_run) return {};
  std::string text =
      fmt::format("  {}: {}\n", paint(session.terminal(), Tone::Warning, "blocked"), explanation->sentence);
  for (const ReasonView& reason : explanation->reasons)
    if (!reason.remedy.empty()) text += fmt::format("    {}\n", reason.remedy);
  return text;
}

}  // namespace framemill::cli
