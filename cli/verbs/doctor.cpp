// framemill doctor: looks at what a farm needs on this host and says what to do about what is missing.
#include <fmt/format.h>

#include <filesystem>
#include <ostream>

#include "base/service_user.h"
#include "cli/child_process.h"
#include "cli/exit_code.h"
#include "cli/host_checks.h"
#include "cli/settings_text.h"
#include "cli/verbs/verbs.h"
#include "config/settings.h"
#include "jobs/command_confinement.h"

namespace framemill::cli {
namespace {

namespace fs = std::filesystem;
constexpr base::Duration kCheckConfigLimit = base::seconds(20);

struct Options {
  std::vector<std::string> configs, models;
  std::string user;
  bool executor = false;
};

// A daemon's configuration as far as doctor looks into it; the daemon itself judges every key.
struct DaemonFile {
  fs::path path;
  config::Node table;
  bool is_worker = false;

  std::string text(std::string_view key) const {
    const config::Node* value = table.find(key);
    return value && value->type == config::Node::Type::String ? value->text : std::string();
  }
  fs::path file(std::string_view key) const {
    const std::string name = text(key);
    return name.empty() ? fs::path() : path.parent_path() / name;
  }
  std::vector<fs::path> models() const {
    std::vector<fs::path> out;
    if (const config::Node* list = table.find("models"))
      for (const config::Node& item : list->items)
        if (item.type == config::Node::Type::String) out.push_back(path.parent_path() / item.text);
    return out;
  }
};

// A line of framemill-worker --check-config: what its commands are kept from on this host.
void note_confinement(const std::string& said, Findings& findings) {
  constexpr std::string_view kLabel = "confinement: ";
  const std::size_t at = said.starts_with(kLabel) ? 0 : said.find(fmt::format("\n{}", kLabel));
  if (at == std::string::npos) return;
  const std::size_t begin = said.find(kLabel, at) + kLabel.size();
  const std::string what = printable(said.substr(begin, said.find('\n', begin) - begin));
  const bool enforced =
      jobs::command_confinement_from_name(what.substr(0, what.find(' '))) == jobs::CommandConfinement::Enforced;
  findings.push_back({enforced ? Verdict::Good : Verdict::Note, "confinement", what,
                      enforced ? std::string() : "see [confinement] in docs/worker-toml.md"});
}

// The daemon's own check of its configuration: the only judge of keys and values.
void check_config(const DaemonFile& daemon, Session& session, Findings& findings) {
  const char* name = daemon.is_worker ? "framemill-worker" : "framemill-scheduler";
  const fs::path program = sibling_program(session.host().program_directory, name);
  const std::string subject = "configuration " + daemon.path.string();
  std::vector<std::string> argv{program.string(), "--check-config", "--config", daemon.path.string()};
  if (daemon.is_worker) argv.emplace_back("--check-link");
  const auto result = run_child(argv, kCheckConfigLimit, session.host().keep_going);
  if (!result.ok()) {
    findings.push_back({Verdict::Note, subject, result.error().message, "only its daemon can check every key"});
  } else if (result->exit_status == 0) {
    findings.push_back({Verdict::Good, subject, fmt::format("{} accepts it", name), {}});
    note_confinement(result->output, findings);
  } else {
    std::string said = printable(result->output, LineBreaks::Keep);
    while (!said.empty() && said.back() == '\n') said.pop_back();
    findings.push_back({Verdict::BadConfiguration, subject, said, fmt::format("correct {}", daemon.path.string())});
  }
}

void check_roots(const DaemonFile& daemon, Findings& findings) {
  const config::Node* roots = daemon.table.find("roots");
  if (roots == nullptr) return;
  for (const auto& [name, root] : roots->members) {
    const config::Node* path = &root;
    RootAccess access = RootAccess::Write;
    if (root.type == config::Node::Type::Table) {  // {path = "...", access = "read"}
      path = root.find("path");
      const config::Node* written = root.find("access");
      if (written != nullptr && written->text == "read") access = RootAccess::Read;
    }
    if (path != nullptr && path->type == config::Node::Type::String && !path->text.empty())
      check_root(name, daemon.path.parent_path() / path->text, access, findings);
  }
}

void check_daemon(const DaemonFile& daemon, Session& session, Findings& findings) {
  check_config(daemon, session, findings);
  if (const fs::path key = daemon.file("key_file"); !key.empty()) check_secret_key(key, findings);
  if (daemon.is_worker) {
    if (const fs::path file = daemon.file("scheduler_key_file"); !file.empty())
      check_access_list(file, "the scheduler's key", findings);
    if (const std::string scheduler = daemon.text("scheduler"); !scheduler.empty())
      check_reachable(scheduler, findings);
  } else {
    if (const fs::path file = daemon.file("workers_file"); !file.empty()) check_access_list(file, "workers", findings);
    if (const fs::path file = daemon.file("tokens_file"); !file.empty()) check_access_list(file, "tokens", findings);
    if (const fs::path directory = daemon.file("data_directory"); !directory.empty()) {
      check_data_directory(directory, findings);
      const fs::path backups = daemon.file("backup_directory");
      check_backups(backups.empty() ? directory / "backups" : backups, findings);
    }
    const std::string http = daemon.text("listen_http"), workers = daemon.text("listen_workers");
    const bool runs =
        check_listen_http(http.empty() ? "127.0.0.1:8750" : http, daemon.text("http_socket_group"), findings);
    check_listen_workers(workers.empty() ? "tcp://127.0.0.1:8751" : workers, runs, findings);
  }
  check_roots(daemon, findings);
  if (const auto models = daemon.models(); !models.empty()) check_packages(models, findings);
}

// The user's own side: settings, token, server.
void check_client(Session& session, Findings& findings) {
  const auto settings = session.settings();
  if (!settings.ok()) {
    findings.push_back({Verdict::BadConfiguration, "your settings", settings.error().message, settings.error().hint});
    return;
  }
  if (settings->token_file.empty()) {
    findings.push_back({Verdict::Note, "your token", "no token file is configured",
                        "set token_file in config.toml, or FRAMEMILL_TOKEN_FILE"});
    return;
  }
  if (const auto token = read_token(settings->token_file); !token.ok()) {
    findings.push_back({Verdict::Problem, "your token", token.error().message, token.error().hint});
    return;
  }
  findings.push_back({Verdict::Good, "your token", settings->token_file.string() + " is private", {}});
  const auto server = session.api();
  const auto version = server.ok() ? (*server)->get("/api/v1/version") : base::Result<json::value>(server.error());
  if (!version.ok()) {
    findings.push_back({Verdict::Problem, "scheduler " + settings->server, version.error().message,
                        "is it running, and is --server right?"});
    return;
  }
  JsonReader reader(*version, "version");
  const std::string theirs = reader.text("version"), principal = reader.text("principal"), role = reader.text("role");
  findings.push_back(
      {theirs == FRAMEMILL_VERSION ? Verdict::Good : Verdict::Note, "scheduler " + settings->server,
       fmt::format("version {}, you are {} with the role {}", theirs, principal, role),
       theirs == FRAMEMILL_VERSION ? "" : "this program is " FRAMEMILL_VERSION "; update the older one"});
}

std::vector<std::string> daemon_paths(const Options& options) {
  std::vector<std::string> paths = options.configs;
  std::error_code ignored;
  if (paths.empty())
    for (const char* usual : {"/etc/framemill/scheduler.toml", "/etc/framemill/worker.toml"})
      if (fs::exists(usual, ignored)) paths.emplace_back(usual);
  return paths;
}

// What the daemons need is judged as the user that they run as: to root everything is open, and right when it is root's.
base::Status become_service_user(const std::vector<std::string>& paths, const std::string& wanted, Findings& findings) {
  for (const std::string& path : paths) {
    FM_ASSIGN(const auto user, base::service_user_for(path, wanted));
    if (!user) continue;
    FM_TRY(base::become(*user));
    const std::string subject = fmt::format("service user {}", user->name);
    if (user->name == base::kServiceUserName && user->uid != base::kServiceUserId)
      findings.push_back(
          {Verdict::Problem, subject,
           fmt::format("has uid {} here and {} on other hosts: files on shared storage belong to numbers", user->uid,
                       base::kServiceUserId),
           fmt::format("stop the daemons, usermod -u {0} {1} && groupmod -g {0} {1}, chown their files",
                       base::kServiceUserId, user->name)});
    else
      findings.push_back({Verdict::Good,
                          subject,
                          fmt::format("what the daemons need is judged as this user (uid {})", user->uid),
                          {}});
    return {};
  }
  return {};
}

base::Result<std::vector<DaemonFile>> read_daemon_files(const std::vector<std::string>& paths, Session& session,
                                                        Findings& findings) {
  std::vector<DaemonFile> daemons;
  for (const std::string& path : paths) {
    const auto text = read_settings_text(path);
    if (!text.ok()) {
      const std::string& hint = text.error().hint;
      findings.push_back({Verdict::BadConfiguration, "configuration " + path, text.error().message,
                          hint.empty() ? "name a file that can be read with --config" : hint});
      continue;
    }
    auto table = config::settings_tree(*text, {});
    if (!table.ok()) {  // its daemon knows more of it
      const bool is_worker = text->find("workers_file") == std::string::npos;
      check_config({fs::absolute(path), {}, is_worker}, session, findings);
      if (findings.back().verdict != Verdict::BadConfiguration)
        findings.push_back({Verdict::BadConfiguration, "configuration " + path, table.error().message,
                            table.error().hint.empty() ? "correct " + path : table.error().hint});
      continue;
    }
    DaemonFile daemon{fs::absolute(path), std::move(table).value(), false};
    daemon.is_worker = daemon.table.find("scheduler") != nullptr || daemon.table.find("slot") != nullptr;
    daemons.push_back(std::move(daemon));
  }
  return daemons;
}

void print(const Findings& findings, Session& session) {
  const Terminal& terminal = session.terminal();
  for (const Finding& finding : findings) {
    const bool problem = finding.verdict == Verdict::Problem || finding.verdict == Verdict::BadConfiguration;
    const Tone tone = problem ? Tone::Bad : finding.verdict == Verdict::Note ? Tone::Warning : Tone::Good;
    const char* word = problem ? "PROBLEM" : finding.verdict == Verdict::Note ? "note" : "ok";
    session.out() << paint(terminal, tone, pad_right(word, 9)) << printable(finding.subject) << ": "
                  << printable(finding.text, LineBreaks::Keep) << '\n';
    if (!finding.remedy.empty()) session.out() << "         -> " << printable(finding.remedy) << '\n';
  }
}

json::array to_json(const Findings& findings) {
  static constexpr const char* kNames[] = {"good", "note", "problem", "bad_configuration"};
  json::array out;
  for (const Finding& finding : findings)
    out.push_back(json::object{{"verdict", kNames[static_cast<int>(finding.verdict)]},
                               {"subject", finding.subject},
                               {"text", finding.text},
                               {"remedy", finding.remedy}});
  return out;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  Findings findings;
  check_client(session, findings);
  const std::vector<std::string> paths = daemon_paths(options);
  FM_TRY(become_service_user(paths, options.user, findings));
  FM_ASSIGN(const std::vector<DaemonFile> daemons, read_daemon_files(paths, session, findings));
  bool workers = false;
  if (!daemons.empty()) check_clock(findings);
  for (const DaemonFile& daemon : daemons) {
    check_daemon(daemon, session, findings);
    workers = workers || daemon.is_worker;
  }
  if (!options.models.empty()) check_packages({options.models.begin(), options.models.end()}, findings);
  if (workers || options.executor || daemons.empty())
    check_executor(sibling_program(session.host().program_directory, "framemill-executor"), session.host().keep_going,
                   findings);

  if (session.json())
    session.print_json(json::object{{"findings", to_json(findings)}});
  else
    print(findings, session);
  ExitCode code = ExitCode::Ok;
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::BadConfiguration) return ExitCode::BadConfiguration;
    if (finding.verdict == Verdict::Problem) code = ExitCode::Server;
  }
  return code;
}

}  // namespace

void declare_doctor(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb =
      program.verb("doctor", "Check this host and say what to do",
                   "framemill doctor --config /etc/framemill/scheduler.toml --config /etc/framemill/worker.toml");
  verb.option("--config", options->configs, "FILE",
              "A daemon's configuration; repeatable; default: those in /etc/framemill");
  verb.option("--models", options->models, "DIR", "A directory of packages to verify; repeatable");
  verb.option("--user", options->user, "NAME",
              "As root: the user that the daemons run as; default: framemill, for files below /etc/framemill");
  verb.flag("--executor", options->executor, "Also run the executor's self-test when no worker is configured here");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
