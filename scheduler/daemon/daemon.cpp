#include "scheduler/daemon/daemon.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <future>
#include <optional>
#include <thread>

#include "base/log.h"
#include "models/package.h"
#include "monitoring/metrics/process_figures.h"
#include "net/event_loop.h"
#include "net/service_manager.h"
#include "scheduler/daemon/farm_figures.h"
#include "scheduler/daemon/farm_service.h"
#include "scheduler/daemon/forecaster.h"
#include "scheduler/daemon/preview_shelf.h"
#include "scheduler/daemon/process.h"
#include "scheduler/daemon/turn_figures.h"
#include "scheduler/daemon/upkeep.h"
#include "scheduler/http/http_api.h"
#include "scheduler/store/maintenance.h"

namespace framemill::scheduler {
namespace {

using base::Result;
using base::Status;

struct Setup {
  net::CurveKeyPair keys;
  std::vector<net::CurvePublicKey> workers;
  TokenTable tokens;
  std::shared_ptr<const models::PackageShelf> packages;
};

Result<std::vector<net::CurvePublicKey>> read_worker_keys(const SchedulerConfig& config) {
  FM_ASSIGN(const auto named, net::read_public_keys(config.workers_file));
  std::vector<net::CurvePublicKey> keys;
  for (const net::NamedPublicKey& entry : named) keys.push_back(entry.key);
  return keys;
}

Result<Setup> read_setup(const SchedulerConfig& config) {
  Setup setup;
  FM_ASSIGN(setup.keys, net::read_key_pair(config.key_file));
  FM_ASSIGN(setup.workers, read_worker_keys(config));
  FM_ASSIGN(setup.tokens, TokenTable::read(config.tokens_file));
  setup.packages = std::make_shared<models::PackageShelf>(models::PackageShelf::open(config.models));
  return setup;
}

// Descriptors that HTTP clients must leave: for the store, the loops and the log; and for each worker two (a new
// connection may come before the former has gone), with room for handshakes of strangers on the workers' port.
constexpr std::size_t kDescriptorsOfOurOwn = 64;
constexpr std::size_t kDescriptorsForHandshakes = 128;
constexpr std::size_t kHttpConnectionsLeast = 16;
constexpr rlim_t kDescriptorsWanted = 1 << 20;

Status prepare_http(const SchedulerConfig& config, std::size_t worker_keys, net::HttpServerOptions& http) {
  http.listen = config.listen_http;
  http.allow_remote = config.allow_remote;
  http.unix_mode = config.http_socket_mode;
  http.unix_group = config.http_socket_group;
  const HttpLimitsConfig& limits = config.http_limits;
  http.limits.connections_max = limits.connections;
  http.limits.connections_per_address_max = limits.connections_per_address;
  http.limits.connections_per_client_max = limits.connections_per_token;
  http.limits.requests_per_client_max = limits.requests_at_once_per_token;
  http.limits.requests_per_client_per_s = limits.requests_per_second_per_token;
  http.limits.requests_per_address_per_s = limits.requests_per_second_per_address;

  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return {};
  const rlim_t wanted = std::min(descriptors.rlim_max, kDescriptorsWanted);
  if (descriptors.rlim_cur < wanted) {
    const rlimit raised{wanted, descriptors.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) descriptors.rlim_cur = wanted;
  }
  const std::size_t kept = kDescriptorsOfOurOwn + kDescriptorsForHandshakes + 2 * worker_keys;
  const std::size_t all = static_cast<std::size_t>(descriptors.rlim_cur);
  if (all < kept + kHttpConnectionsLeast)
    return base::Error{"config.descriptors",
                       fmt::format("this process may open {} files; {} workers' keys and {} HTTP connections need {}",
                                   all, worker_keys, kHttpConnectionsLeast, kept + kHttpConnectionsLeast),
                       "", "raise LimitNOFILE= of the unit, or ulimit -n"};
  if (all - kept < http.limits.connections_max) {
    http.limits.connections_max = all - kept;
    base::log_warning("scheduler",
                      "this process may open {} files: at most {} HTTP connections are served, the rest is kept for "
                      "{} workers; raise LimitNOFILE= of the unit, or ulimit -n",
                      all, http.limits.connections_max, worker_keys);
  }
  return {};
}

// Names under which browsers may ask for the dashboard: those of the configuration and the host's own.
std::vector<std::string> page_hosts(const SchedulerConfig& config) {
  std::vector<std::string> hosts = config.dashboard_hosts;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0 && name[0] != 0) hosts.emplace_back(name.data());
  return hosts;
}

// The HTTP API and its loop on a thread of their own, so that nothing a client does delays scheduling.
class HttpThread {
 public:
  static Result<std::unique_ptr<HttpThread>> start(net::HttpServerOptions options, TokenTable tokens, FarmPort& farm,
                                                   const std::string& version, MetricsOptions metrics,
                                                   std::vector<std::string> page_hosts) {
    std::unique_ptr<HttpThread> thread(new HttpThread);
    FM_ASSIGN(thread->api_, HttpApi::open(thread->loop_, std::move(options), std::move(tokens), farm, version,
                                          std::move(metrics), std::move(page_hosts)));
    thread->thread_ = std::thread([raw = thread.get()] { raw->loop_.run(); });
    return thread;
  }
  ~HttpThread() {
    if (thread_.joinable()) {
      loop_.post([this] { api_->stop(base::seconds(1), [this] { loop_.stop(); }); });
      thread_.join();
    }
  }
  HttpApi& api() { return *api_; }
  // Calls it on the HTTP thread and waits.
  template <class Function>
  void on_thread(Function function) {
    std::promise<void> done;
    loop_.post([&] {
      function(*api_);
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  HttpThread() = default;
  net::EventLoop loop_;
  std::unique_ptr<HttpApi> api_;
  std::thread thread_;
};

Status check_data_directory(const std::filesystem::path& directory) {
  struct stat facts{};
  const bool there = ::stat(directory.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
  if (there && ::access(directory.c_str(), R_OK | W_OK | X_OK) == 0) return {};
  return base::Error{"config.data_directory",
                     there
                         ? fmt::format("data_directory: {} cannot be used by this user (uid {}): it belongs to uid {}",
                                       directory.string(), ::geteuid(), facts.st_uid)
                         : fmt::format("data_directory: {} is not a directory", directory.string()),
                     "data_directory", fmt::format("run: install -d -m 700 -o {} {}", ::geteuid(), directory.string())};
}

constexpr std::size_t kLocalConnectionsMax = 8;

// The socket for this host's own administration. A data directory whose name is too long for a socket has none.
void open_local_door(const SchedulerConfig& config, HttpThread& http) {
  net::HttpServerOptions options;
  options.listen = "unix:" + config.local_socket().string();
  options.limits.connections_max = kLocalConnectionsMax;
  base::Status opened;
  http.on_thread([&](HttpApi& api) { opened = api.open_local_door(options); });
  if (!opened.ok())
    base::log_warning("scheduler",
                      "no socket for administration: {}. `framemill-scheduler reload` and `backup` "
                      "cannot be used; SIGHUP and tokens can",
                      opened.error().message);
}

// What a scrape reads: all of it may be asked from the HTTP thread.
void add_sources(monitoring::Metrics& metrics, FarmService& service, const SchedulerProcess& process,
                 const std::filesystem::path& database, const std::string& version) {
  metrics.add_source([&service, &process, database, version](monitoring::Page& page) {
    JobFilter all;
    all.limit = UINT32_MAX;
    service.health([&](const Result<Health>& health) { write_health(page, *health, version); });
    service.list_jobs(all, [&](const Result<std::vector<JobRow>>& jobs) { write_jobs(page, *jobs); });
    service.list_workers([&](const Result<std::vector<WorkerRow>>& workers) { write_workers(page, *workers); });
    write_store(page, process.store_counters(), database);
    write_link(page, process.link_counters());
    monitoring::write_process_figures(page);
  });
}

// The loop counts its turns; those that it made to start are not among them.
void watch_turns(TurnFigures& figures, Scheduler& scheduler, FarmService& service) {
  scheduler.on_turn([&figures](const Effects& effects) { figures.turn(effects); });
  scheduler.on_turn_times([&figures] { figures.turn_begun(); }, [&figures] { figures.turn_over(); });
  JobFilter live;
  live.live = true;
  live.limit = UINT32_MAX;
  service.list_jobs(live, [&](const Result<std::vector<JobRow>>& jobs) { figures.expect(*jobs); });
}

}  // namespace

Status check_setup(const SchedulerConfig& config) {
  FM_ASSIGN(const Setup setup, read_setup(config));
  FM_TRY(check_data_directory(config.data_directory));
  FM_ASSIGN(const store::Glance store, store::glance(config.database()));
  net::HttpServerOptions http;
  FM_TRY(prepare_http(config, setup.workers.size(), http));
  FM_TRY(net::check_listen_address(http));
  net::SecureRouterOptions workers;
  workers.endpoint = config.listen_workers;
  workers.allow_remote = config.allow_remote;
  FM_TRY(net::check_listen_address(workers));
  fmt::print("workers connect to {}; keys of workers: {}\nHTTP listens on {}; tokens: {}\nstore {} ({})\n",
             config.listen_workers, setup.workers.size(), config.listen_http, setup.tokens.size(),
             config.database().string(),
             store.held     ? "open in a running scheduler"
             : store.exists ? "would open"
                            : "will be made");
  fmt::print("backups {}; kept: {}\n", config.backups().string(), config.backups_kept);
  for (const std::string& id : setup.packages->ids()) fmt::print("package {}\n", id);
  for (const base::Error& problem : setup.packages->problems()) fmt::print("package left out: {}\n", problem.message);
  for (const auto& [name, path] : config.roots)
    fmt::print("root {}: {}\n", name, path.empty() ? "(not on this host)" : path.string());
  return {};
}

Status run_daemon(const SchedulerConfig& config, const std::string& version) {
  // Hostile bytes are told of by the link, with the sender's key; the library's own lines would only flood the log.
  google::protobuf::SetLogHandler(nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  FM_ASSIGN(Setup setup, read_setup(config));
  for (const base::Error& problem : setup.packages->problems())
    base::log_warning("packages", "left out: {}", problem.message);

  net::EventLoop loop;
  net::ServiceManager service_manager(loop);
  std::optional<base::Error> failure;
  SchedulerProcess::Options options;
  options.database = config.database();
  options.link.endpoint = config.listen_workers;
  options.link.allow_remote = config.allow_remote;
  options.link.keys = setup.keys;
  options.link.allowed = setup.workers;
  FM_TRY(net::check_listen_address(options.link));
  const auto metrics = std::make_shared<monitoring::Metrics>();
  TurnFigures figures(*metrics);
  const std::filesystem::path database = options.database;
  options.on_commit = [&figures](std::chrono::microseconds took) { figures.committed(took); };
  options.settings.lease_ttl = config.lease_ttl;
  options.settings.silence_alarm = config.silence_alarm;
  options.settings.missing_after = config.missing_after;
  options.settings.progress_timeout = config.progress_timeout;
  options.settings.live_jobs_per_user = config.live_jobs_per_user;
  options.settings.limits = config.limits;
  options.settings.shares = config.shares;
  Forecaster forecaster(options.settings);
  options.on_restored = [&](std::vector<Record> records) { forecaster.restored(std::move(records)); };
  options.on_durable = [&](std::vector<Persist> turns) { forecaster.durable(std::move(turns)); };
  FM_ASSIGN(const auto process, SchedulerProcess::start(
                                    loop, std::move(options),
                                    [&](base::Error error) {
                                      failure = std::move(error);
                                      loop.stop();
                                    }));
  Scheduler& scheduler = process->scheduler();
  FarmService service(
      loop, scheduler, process->history(), setup.packages, config.roots,
      process->history_is_incomplete() ? FarmService::Versions::OnDisk : FarmService::Versions::OfTheStore);
  watch_turns(figures, scheduler, service);
  add_sources(*metrics, service, *process, database, version);
  forecaster.start(service.board());
  service.use_forecaster(&forecaster);
  net::HttpServerOptions http;
  FM_TRY(prepare_http(config, setup.workers.size(), http));
  FM_ASSIGN(const auto http_thread,
            HttpThread::start(std::move(http), std::move(setup.tokens), service, version,
                              {metrics, config.metrics_loopback_without_token}, page_hosts(config)));
  scheduler.on_events([&](EventBatch batch) { http_thread->api().publish(std::move(batch)); });
  base::log_info("scheduler", "HTTP at {}, {} packages, {} worker keys", http_thread->api().url(),
                 setup.packages->ids().size(), setup.workers.size());

  const auto stop = [&] {
    base::log_info("scheduler", "stopping");
    service_manager.stopping();
    loop.stop();
  };
  loop.on_signal(SIGTERM, stop);
  loop.on_signal(SIGINT, stop);
  Upkeep upkeep(
      {loop, [&](std::vector<net::CurvePublicKey> keys) { process->allow_workers(std::move(keys)); },
       [&](TokenTable tokens) { http_thread->api().use_tokens(std::move(tokens)); },
       [&](std::filesystem::path file, auto done) { return process->copy_store(std::move(file), std::move(done)); },
       [&] { return process->store_counters(); }, [&](const std::string& status) { service_manager.status(status); }},
      config);
  loop.on_signal(SIGHUP, [&] { upkeep.reload_now("SIGHUP"); });
  open_local_door(config, *http_thread);
  PreviewShelf previews(config.previews_enabled ? config.roots : std::map<std::string, std::filesystem::path>());
  http_thread->on_thread([&](HttpApi& api) {
    api.use_upkeep(&upkeep);
    api.use_previews(&previews);
  });
  service_manager.ready();
  service_manager.status("ready");
  loop.run();
  http_thread->on_thread([](HttpApi& api) {
    api.use_upkeep(nullptr);
    api.use_previews(nullptr);
  });
  upkeep.close();
  service.close_history();
  forecaster.stop();
  if (failure) return *failure;
  return {};
}

}  // namespace framemill::scheduler
