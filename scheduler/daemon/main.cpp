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
#include "net/net_error.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/store/maintenance.h"

namespace {

using namespace framemill;

constexpr int kFailed = 1, kBadUsage = 2, kBadConfiguration = 78;  // 78: EX_CONFIG of sysexits.h

int complain(const base::Error& error, int status) {
  fmt::print(stderr, "framemill-scheduler: {}: {}\n", error.code, error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  {}\n", error.hint);
  return status;
}

bool is_configuration_error(const base::Error& error) {
  static const auto kOfConfiguration =
      std::to_array<base::CodeRow<bool>>({{"config.", true},
                                          {"keys.", true},
                                          {"tokens.", true},
                                          {text_of(net::NetError::Bind), true},
                                          {text_of(net::NetError::NotLoopback), true}});
  return base::find_meaning(kOfConfiguration, error.code) != nullptr;
}

scheduler::Cause cause_of_operator(const std::string& reason) {
  const char* user = std::getenv("USER");
  return {user != nullptr ? user : "operator", base::wall_now(), reason};
}

int verify(const std::filesystem::path& database) {
  const auto report = scheduler::store::verify(database);
  if (!report.ok()) return complain(report.error(), kFailed);
  fmt::print("schema {}, epoch {}, durable sequence {}, {} batches and {} commits checked\n", report->schema,
             report->epoch, report->durable_sequence, report->batches_checked, report->commits_checked);
  for (const std::string& finding : report->findings) fmt::print("{}\n", finding);
  if (report->whole()) fmt::print("the store is intact\n");
  return report->whole() ? 0 : kFailed;
}

int daemon_run(const std::string& config_file, bool check_only) {
  const auto config = scheduler::read_scheduler_config(config_file);
  if (!config.ok()) return complain(config.error(), kBadConfiguration);
  const base::Status done =
      check_only ? scheduler::check_setup(*config) : scheduler::run_daemon(*config, FRAMEMILL_VERSION);
  if (done.ok()) return 0;
  return complain(done.error(), is_configuration_error(done.error()) ? kBadConfiguration : kFailed);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Framemill's scheduler daemon.\nExample: framemill-scheduler --config /etc/framemill/scheduler.toml",
               "framemill-scheduler"};
  std::string config_file = "/etc/framemill/scheduler.toml", database, backup, reason;
  bool check_only = false, verbose = false;
  app.add_option("--config", config_file, "the scheduler's configuration")->capture_default_str();
  app.add_flag("--check-config", check_only,
               "check the configuration, print what would be used, and exit (78 if it is not valid)");
  app.add_flag("--verbose", verbose, "log more");
  app.set_version_flag("--version", std::string("framemill-scheduler ") + FRAMEMILL_VERSION);
  CLI::App* verify_verb = app.add_subcommand("verify",
                                             "check a stopped scheduler's store, changing nothing\n"
                                             "Example: framemill-scheduler verify /var/lib/framemill/jobs.db");
  verify_verb->add_option("DATABASE", database)->required();
  CLI::App* restore_verb = app.add_subcommand(
      "restore",
      "put a backup in place of a stopped scheduler's store\n"
      "Example: framemill-scheduler restore backup.db /var/lib/framemill/jobs.db --reason 'disk failed'");
  restore_verb->add_option("BACKUP", backup)->required();
  restore_verb->add_option("DATABASE", database)->required();
  restore_verb->add_option("--reason", reason, "recorded in the store")->required();
  CLI::App* new_era_verb = app.add_subcommand(
      "new-era",
      "accept the loss of acknowledged history so that the store opens again\n"
      "Example: framemill-scheduler new-era /var/lib/framemill/jobs.db --reason 'the copy of last night is in use'");
  new_era_verb->add_option("DATABASE", database)->required();
  new_era_verb->add_option("--reason", reason, "recorded in the store")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  if (verbose) base::set_log_level(base::LogLevel::Debug);
  if (*verify_verb) return verify(database);
  if (*restore_verb || *new_era_verb) {
    const base::Status done = *restore_verb ? scheduler::store::restore(backup, database, cause_of_operator(reason))
                                            : scheduler::store::new_era(database, cause_of_operator(reason));
    if (!done.ok()) return complain(done.error(), kFailed);
    fmt::print("done\n");
    return 0;
  }
  return daemon_run(config_file, check_only);
}
