// The HTTP API's port: lists and shows what the board holds and checks specs on the caller's thread, and pages of history
// come from the store, so that none of that comes to the core's loop. Changes and explanations go through the loop,
// bounded in number and in time (RequestQueue); beyond that, and beyond the bound of SearchQueue, the answer is farm.busy.
#pragma once

#include <map>
#include <memory>

#include "net/event_loop.h"
#include "scheduler/daemon/forecaster.h"
#include "scheduler/daemon/history.h"
#include "scheduler/daemon/request_queue.h"
#include "scheduler/daemon/root_probe.h"
#include "scheduler/daemon/search_queue.h"
#include "scheduler/daemon/view_board.h"
#include "scheduler/http/farm_port.h"
#include "scheduler/loop/scheduler.h"

namespace framemill::scheduler {

class FarmService : public FarmPort {
 public:
  // `packages` may be shared with other threads: it never changes. Versions::OnDisk: the store has lost history, so a
  // version that it does not know may have been used: files of that name are looked for, on the roots that this host has.
  enum class Versions { OfTheStore, OnDisk };
  FarmService(net::EventLoop& loop, Scheduler& scheduler, store::History& history,
              std::shared_ptr<const jobs::PackageCatalogue> packages,
              std::map<std::string, std::filesystem::path> roots, Versions versions = Versions::OfTheStore);

  void submit(SubmitRequest request, Reply<SubmitReply> reply) override;
  void change_job(JobChange change, Reply<Changed> reply) override;
  void change_jobs(JobsChange change, Reply<JobsChangeReply> reply) override;
  void change_worker(WorkerChange change, Reply<Changed> reply) override;
  void change_share(ShareChange change, Reply<Changed> reply) override;
  void list_shares(Reply<ShareRows> reply) override;
  void list_jobs(JobFilter filter, Reply<std::vector<JobRow>> reply) override;
  void show_job(JobId job, Reply<JobRow> reply) override;
  void list_workers(Reply<std::vector<WorkerRow>> reply) override;
  void plan(JobId job, Reply<PlanView> reply) override;
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

  std::shared_ptr<ViewBoard> board() const { return board_; }
  // Looks ahead for this farm, and outlives the service; before the loop runs. Null: nothing is foretold.
  void use_forecaster(Forecaster* forecaster) { forecaster_ = forecaster; }
  // No page of history is answered any more: before those who asked are gone.
  void close_history() { searches_.close(); }

 private:
  // Queues what runs on the loop; refuses with farm.busy where too much waits.
  template <class T>
  void queue_change(Reply<T> reply, std::function<void(Reply<T>)> function);
  template <class T>
  void queue_read(Reply<T> reply, std::function<void(Reply<T>)> function);
  template <class T>
  void queue_search(Reply<T> reply, std::function<void(Reply<T>)> function);
  void remake(JobChangeRequested event, Reply<Changed> answer_to);  // loop thread
  void skip_versions_on_disk(JobSubmitted event, Reply<SubmitReply> reply);
  void look_at_inputs(JobSubmitted event, Reply<SubmitReply> reply);
  struct ChangeOfMany;
  void change_next(std::shared_ptr<ChangeOfMany> many);  // loop thread
  void queue_submit(JobSubmitted event, Reply<SubmitReply> reply, std::vector<std::string> warnings);

  net::EventLoop& loop_;
  Scheduler& scheduler_;
  std::shared_ptr<const jobs::PackageCatalogue> packages_;
  std::map<std::string, std::filesystem::path> roots_;
  const Versions versions_;
  RootProbe probe_;
  std::shared_ptr<ViewBoard> board_;
  const HistorySources history_;
  SearchQueue searches_;
  RequestQueue queue_;
  Forecaster* forecaster_ = nullptr;
};

}  // namespace framemill::scheduler
