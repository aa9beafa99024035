// framemill-scheduler: splits jobs, grants chunks to workers, keeps every acknowledged step; and the verbs for its store
// while it is stopped.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdlib>
#include <string>

#include "base/clock.h"
#include "base/code_table.h"
#include "base/log.h"
#include "base/service_user.h"
#include "net/net_error.h"
#include "scheduler/daemon/config.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/daemon/init.h"
#include "scheduler/daemon/local_verbs.h"
#include "scheduler/store/maintenance.h"
#include "scheduler/store/store_error.h"

namespace {

using namespace framemill;
namespace store = scheduler::store;

constexpr int kFailed = 1, kBadUsage = 2, kBadConfiguration = 78;  // 78: EX_CONFIG of sysexits.h

int complain(const base::Error& error, int status) {
  fmt::print(stderr, "framemill-scheduler: {}: {}\n", error.code, error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  {}\n", error.hint);
  return status;
}

// Whether starting again cannot help: the service manager then leaves the unit failed (RestartPreventExitStatus), which is
// what alarms look at. Of the store these are the states that a person has to end; a full disk, an I/O error or another
// process that holds the store may pass.
bool needs_a_person(const base::Error& error) {
  using store::StoreError;
  using store::text_of;
  static const auto kNeedAPerson = std::to_array<base::CodeRow<bool>>({{"config.", true},
                                                                       {"keys.", true},
                                                                       {"tokens.", true},
                                                                       {net::text_of(net::NetError::Bind), true},
                                                                       {net::text_of(net::NetError::NotLoopback), true},
                                                                       {text_of(StoreError::Corrupt), true},
                                                                       {text_of(StoreError::File), true},
                                                                       {text_of(StoreError::HistoryLost), true},
                                                                       {text_of(StoreError::NetworkFileSystem), true},
                                                                       {text_of(StoreError::NewerSchema), true},
                                                                       {text_of(StoreError::NotAStore), true}});
  return base::find_meaning(kNeedAPerson, error.code) != nullptr;
}

int ended(const base::Status& done) {
  if (done.ok()) return 0;
  return complain(done.error(), needs_a_person(done.error()) ? kBadConfiguration : kFailed);
}

scheduler::Cause cause_of_operator(const std::string& reason) {
  const char* user = std::getenv("USER");
  return {user != nullptr ? user : "operator", base::wall_now(), reason};
}

int verify(const std::filesystem::path& database) {
  const auto report = store::verify(database);
  if (!report.ok()) return complain(report.error(), kFailed);
  fmt::print("schema {}, epoch {}, durable sequence {}, {} batches and {} commits checked\n", report->schema,
             report->epoch, report->durable_sequence, report->batches_checked, report->commits_checked);
  for (const std::string& finding : report->findings) fmt::print("{}\n", finding);
  if (report->whole()) fmt::print("the store is intact\n");
  return report->whole() ? 0 : kFailed;
}

struct Line {
  std::string config_file = "/etc/framemill/scheduler.toml", user, database, backup, reason, admin, token_file;
  bool check_only = false, print = false, verbose = false, check_alone = false;
  CLI::App *reload = nullptr, *back_up = nullptr, *verify = nullptr, *restore = nullptr, *new_era = nullptr,
           *init = nullptr;
};

enum class Task { Run, Init, CheckConfig, PrintConfig, Reload, Backup, CheckStore };

int with_config(Task task, const Line& line) {
  if (task == Task::CheckConfig) {
    const auto service_user = base::service_user_for(line.config_file, line.user);
    if (!service_user.ok()) return complain(service_user.error(), kBadUsage);
    if (*service_user) {
      if (const base::Status became = base::become(**service_user); !became.ok())
        return complain(became.error(), kFailed);
      fmt::print("checked as the user {}\n", (*service_user)->name);
    }
  }
  const auto config = scheduler::read_scheduler_config(line.config_file);
  if (!config.ok()) return complain(config.error(), kBadConfiguration);
  switch (task) {
    case Task::CheckConfig:
      return ended(scheduler::check_setup(*config));
    case Task::Init:
      return ended(scheduler::init_farm(*config, {line.config_file, line.user, line.admin, line.token_file}));
    case Task::PrintConfig:
      fmt::print("{}", scheduler::config_text(*config));
      return 0;
    case Task::Reload:
      return ended(scheduler::ask_reload(*config));
    case Task::Backup:
      return ended(scheduler::ask_copy(*config, scheduler::Wanted::Backup));
    case Task::CheckStore:
      return ended(scheduler::ask_copy(*config, scheduler::Wanted::CheckAlone));
    case Task::Run:
      break;
  }
  return ended(scheduler::run_daemon(*config, FRAMEMILL_VERSION));
}

// Of the scheduler that runs here.
void declare_asking_verbs(CLI::App& app, Line& line) {
  line.reload = app.add_subcommand(
      "reload",
      "have the running scheduler read workers_file and tokens_file again; fails if one of them was refused\n"
      "Example: framemill-scheduler reload");
  line.back_up = app.add_subcommand("backup",
                                    "have the running scheduler make a checked copy of its store\n"
                                    "Example: framemill-scheduler backup");
  line.back_up->add_flag("--check-only", line.check_alone, "check the store from end to end and keep no copy");
}

// Of a scheduler that has not run yet.
void declare_init(CLI::App& app, Line& line) {
  line.init = app.add_subcommand(
      "init",
      "make what a new scheduler needs where it is missing: keys, lists, data directory, the first token\n"
      "Example: framemill-scheduler init --admin ana --token-file ana.token");
  line.init->add_option("--admin", line.admin, "the principal of the first token, an administrator")->required();
  line.init->add_option("--token-file", line.token_file, "where that token goes; must not exist")->required();
}

// Of a scheduler that is stopped.
void declare_store_verbs(CLI::App& app, Line& line) {
  line.verify = app.add_subcommand("verify",
                                   "check a stopped scheduler's store, changing nothing\n"
                                   "Example: framemill-scheduler verify /var/lib/framemill/scheduler/jobs.db");
  line.verify->add_option("DATABASE", line.database)->required();
  line.restore = app.add_subcommand("restore",
                                    "put a backup in place of a stopped scheduler's store\n"
                                    "Example: framemill-scheduler restore backup.db "
                                    "/var/lib/framemill/scheduler/jobs.db --reason 'disk failed'");
  line.restore->add_option("BACKUP", line.backup)->required();
  line.restore->add_option("DATABASE", line.database)->required();
  line.restore->add_option("--reason", line.reason, "recorded in the store")->required();
  line.new_era = app.add_subcommand("new-era",
                                    "accept the loss of acknowledged history so that the store opens again\n"
                                    "Example: framemill-scheduler new-era /var/lib/framemill/scheduler/jobs.db "
                                    "--reason 'the copy of last night is in use'");
  line.new_era->add_option("DATABASE", line.database)->required();
  line.new_era->add_option("--reason", line.reason, "recorded in the store")->required();
}

int carry_out(const Line& line) {
  if (*line.verify) return verify(line.database);
  if (*line.restore || *line.new_era) {
    const scheduler::Cause cause = cause_of_operator(line.reason);
    const base::Status done =
        *line.restore ? store::restore(line.backup, line.database, cause) : store::new_era(line.database, cause);
    if (!done.ok()) return complain(done.error(), kFailed);
    fmt::print("done\n");
    return 0;
  }
  if (*line.init) return with_config(Task::Init, line);
  if (*line.reload) return with_config(Task::Reload, line);
  if (*line.back_up) return with_config(line.check_alone ? Task::CheckStore : Task::Backup, line);
  return with_config(line.print ? Task::PrintConfig : line.check_only ? Task::CheckConfig : Task::Run, line);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Framemill's scheduler daemon.\nExample: framemill-scheduler --config /etc/framemill/scheduler.toml",
               "framemill-scheduler"};
  app.fallthrough();  // --config may stand behind the verb
  Line line;
  app.add_option("--config", line.config_file, "the scheduler's configuration")->capture_default_str();
  app.add_flag("--check-config", line.check_only,
               "check the configuration, print what would be used, and exit (78 if it is not valid)");
  app.add_flag("--print-config", line.print, "print every key, its value and the file that it is from, and exit");
  app.add_option("--user", line.user,
                 "with --check-config and init, as root: the user that the service runs as; default: framemill, for a "
                 "file below /etc/framemill");
  app.add_flag("--verbose", line.verbose, "log more");
  app.set_version_flag("--version", std::string("framemill-scheduler ") + FRAMEMILL_VERSION);
  declare_init(app, line);
  declare_asking_verbs(app, line);
  declare_store_verbs(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  if (line.verbose) base::set_log_level(base::LogLevel::Debug);
  return carry_out(line);
}
