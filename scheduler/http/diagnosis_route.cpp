// /api/v1/jobs/{job}/diagnosis: what is wrong with a job and what to do. The core finds it; the line of the log that says
// most is looked up here, in what attempts have printed.
#include <algorithm>
#include <memory>

#include "scheduler/http/call.h"
#include "scheduler/http/to_json.h"

namespace framemill::scheduler {
namespace {

constexpr std::size_t kLogsMax = 8;  // looked at for one answer: of the first findings that have one
constexpr std::uint32_t kAttemptsLookedAt = 20;

json::object finding_json(const Finding& finding) {
  json::array workers;
  for (const Finding::Tries& tries : finding.workers)
    workers.emplace_back(json::object{{"worker", text_json(tries.worker)}, {"tasks", tries.tasks}});
  return {{"kind", name(finding.kind)},
          {"layer", text_json(finding.layer)},
          {"tasks", finding.tasks},
          {"frames", finding.frames.text()},
          {"code", text_json(finding.code)},
          {"message", text_json(finding.message)},
          {"blame", name(finding.blame)},
          {"because", text_json(finding.because)},
          {"workers", std::move(workers)},
          {"attempt", finding.attempt ? json::value(json::string(finding.attempt.text())) : json::value()},
          {"log_line", text_json(finding.log_line)},
          {"waiting", text_json(finding.waiting)},
          {"next", texts_json(finding.next)}};
}

json::object diagnosis_json(const DiagnosisView& view) {
  json::array findings;
  for (const Finding& finding : view.findings) findings.emplace_back(finding_json(finding));
  return {{"job", view.job.value},
          {"state", jobs::name(view.state)},
          {"sentence", text_json(view.sentence)},
          {"findings", std::move(findings)}};
}

// Fills in the line of the next finding from `index` on that has a log, and goes on until none is left.
void add_log_lines(const std::shared_ptr<Call>& call, const std::shared_ptr<DiagnosisView>& view, std::size_t index) {
  while (index < std::min(view->findings.size(), kLogsMax) && !view->findings[index].attempt) ++index;
  if (index >= std::min(view->findings.size(), kLogsMax)) return call->answer(200, diagnosis_json(*view));
  const Finding& finding = view->findings[index];
  AttemptQuery query;
  query.job = view->job;
  query.layer = finding.layer;
  query.with_output = query.newest_first = true;
  query.limit = kAttemptsLookedAt;
  if (!finding.frames.empty()) query.frame = finding.frames.first();
  call->api->farm.attempts(query, call->then<AttemptPage>([call, view, index](const AttemptPage& page) -> base::Status {
    Finding& found = view->findings[index];
    for (const AttemptRow& row : page.rows)
      if (row.record.id == found.attempt || found.log_line.empty())
        if (std::string line = telling_line(row.record.output_tail); !line.empty()) found.log_line = std::move(line);
    add_log_lines(call, view, index + 1);
    return {};
  }));
}

base::Status diagnose_job(const std::shared_ptr<Call>& call) {
  FM_ASSIGN(const JobId job, call->job());
  call->api->farm.diagnose(job, call->then<DiagnosisView>([call](DiagnosisView view) -> base::Status {
    add_log_lines(call, std::make_shared<DiagnosisView>(std::move(view)), 0);
    return {};
  }));
  return {};
}

}  // namespace

void add_diagnosis_route(ApiRoutes& routes) {
  routes.add("GET", "/api/v1/jobs/{job}/diagnosis", {diagnose_job, Role::Viewer, {}});
}

}  // namespace framemill::scheduler
