// A FarmPort that answers what a test put into it and notes what it was asked, with views that have something in every
// field. Answers on the asking thread, or on one of its own to be like the daemon. For tests.
#pragma once

#include <deque>
#include <mutex>
#include <thread>

#include "scheduler/http/farm_port.h"

namespace framemill::scheduler::testing {

PlanView sample_plan(JobId job);
JobView sample_job(JobId job, const std::string& principal);
WorkerView sample_worker(WorkerId id, const std::string& name);
std::vector<ShareView> sample_shares();
FrameRow sample_frame();
AttemptRow sample_attempt(bool live);
DiagnosisView sample_diagnosis();
ExplainView sample_explanation();
forecast::JobForecast sample_forecast();
forecast::LeverView sample_levers();

class FakeFarm : public FarmPort {
 public:
  ~FakeFarm() override;

  std::mutex mutex;  // guards what follows
  std::vector<JobView> job_list;
  std::vector<WorkerView> worker_list;
  base::Result<SubmitReply> submit_reply = SubmitReply{};
  base::Result<Changed> change_reply = Changed{3};
  std::vector<ShareView> share_list = sample_shares();
  FramePage frame_page;
  AttemptPage attempt_page;
  base::Result<ExplainView> explain_reply = sample_explanation();
  base::Result<DiagnosisView> diagnose_reply = sample_diagnosis();
  forecast::Forecasts foretold;  // of no job until a test says so
  base::Result<forecast::LeverView> levers_reply = sample_levers();
  Health health_now{true, "ready", false, 41, 7};

  std::vector<SubmitRequest> submits;
  std::vector<JobChange> job_changes;
  std::vector<JobsChange> jobs_changes;
  JobsChangeReply jobs_reply;
  std::vector<LimitView> limit_list;
  std::vector<LimitChange> limit_changes;
  std::vector<WorkerChange> worker_changes;
  std::vector<ShareChange> share_changes;
  std::vector<JobFilter> filters;
  std::vector<FrameQuery> frame_queries;
  std::vector<AttemptQuery> attempt_queries;
  std::vector<ExplainQuery> explain_queries;

  void submit(SubmitRequest request, Reply<SubmitReply> reply) override;
  void change_job(JobChange change, Reply<Changed> reply) override;
  void change_jobs(JobsChange change, Reply<JobsChangeReply> reply) override;
  void change_worker(WorkerChange change, Reply<Changed> reply) override;
  void change_share(ShareChange change, Reply<Changed> reply) override;
  void list_shares(Reply<ShareRows> reply) override;
  void list_jobs(JobFilter filter, Reply<std::vector<JobRow>> reply) override;
  void show_job(JobId job, Reply<JobRow> reply) override;
  void plan(JobId job, Reply<PlanView> reply) override;
  void list_workers(Reply<std::vector<WorkerRow>> reply) override;
  void list_limits(Reply<LimitRows> reply) override;
  void change_limit(LimitChange change, Reply<Changed> reply) override;
  void explain(ExplainQuery query, Reply<ExplainView> reply) override;
  void diagnose(JobId job, Reply<DiagnosisView> reply) override;
  void frames(FrameQuery query, Reply<FramePage> reply) override;
  void attempts(AttemptQuery query, Reply<AttemptPage> reply) override;
  void roots(Reply<std::vector<RootView>> reply) override;
  void health(Reply<Health> reply) override;
  forecast::ForecastsRow forecasts() override;
  void levers(JobId job, Reply<forecast::LeverView> reply) override;

 private:
  bool knows(JobId job);
  std::vector<std::thread> helpers_;  // one per submit: the answer comes from another thread
};

}  // namespace framemill::scheduler::testing
