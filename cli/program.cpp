#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>

#include "cli/arguments.h"
#include "cli/json_writer.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string nearest_verb(const CLI::App& app, const std::string& word) {
  std::string best;
  std::size_t best_distance = 3;
  for (const CLI::App* verb : app.get_subcommands(nullptr))
    if (const std::size_t distance = edit_distance(word.substr(0, 40), verb->get_name()); distance < best_distance) {
      best = verb->get_name();
      best_distance = distance;
    }
  return best;
}

// The innermost verb that was named: "framemill model show".
std::string named_verb(const CLI::App& app) {
  std::string name = "framemill";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    name += " " + at->get_name();
  }
  return name;
}

int usage_error(const CLI::App& app, const std::vector<std::string>& arguments, const CLI::ParseError& error,
                Host& host) {
  const std::string verb = named_verb(app);
  std::string message = error.what();
  std::string hint = fmt::format("try {} --help", verb);
  const bool no_verb = verb == "framemill";
  const auto word =
      std::find_if(arguments.begin(), arguments.end(), [](const std::string& a) { return !a.starts_with('-'); });
  if (no_verb && word != arguments.end()) {
    message = fmt::format("there is no verb '{}'", printable(*word));
    if (const std::string near = nearest_verb(app, *word); !near.empty())
      hint = fmt::format("did you mean framemill {}?", near);
  }
  if (std::find(arguments.begin(), arguments.end(), "--json") != arguments.end()) {
    host.err << json_line(
                    json::object{{"code", "usage.command_line"}, {"message", message}, {"field", verb}, {"hint", hint}})
             << '\n';
    return static_cast<int>(ExitCode::Usage);
  }
  if (no_verb && word == arguments.end()) host.err << app.help() << '\n';
  host.err << verb << ": " << printable(message) << "\n  " << hint << '\n';
  return static_cast<int>(ExitCode::Usage);
}

int run_action(const ParsedLine& line, Host& host) {
  Session session(host, line.flags);
  const base::Result<ExitCode> result = line.action(session);
  if (result.ok()) return static_cast<int>(*result);
  session.print_error(result.error());
  return static_cast<int>(exit_code_of(result.error(), session.last_status()));
}

int parse_and_run(std::vector<std::string> arguments, Host& host, void (*declare_verbs)(Arguments&)) {
  ParsedLine line;
  CLI::App app("Submit and watch jobs of a Framemill render farm.", "framemill");
  app.set_version_flag("--version", "framemill " FRAMEMILL_VERSION);
  app.footer(
      "Example:\n  framemill check shot.toml --models models\n  framemill submit shot.toml\n  framemill follow last\n\n"
      "framemill VERB --help says more about a verb.");
  Arguments program(app, line);
  program.common();
  declare_verbs(program);
  app.require_subcommand(1);
  app.get_formatter()->label("SUBCOMMAND", "VERB");
  app.get_formatter()->label("Subcommands", "Verbs");
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // the order the library pops from
    app.parse(std::move(reversed));
  } catch (const CLI::Success& help) {  // --help and --version
    app.exit(help, host.out, host.err);
    return static_cast<int>(ExitCode::Ok);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, arguments, error, host);
  }
  return run_action(line, host);
}

}  // namespace

int run_program(std::vector<std::string> arguments, Host& host, void (*declare_verbs)(Arguments&)) {
  const int code = parse_and_run(std::move(arguments), host, declare_verbs);
  errno = 0;
  host.out.flush();
  if (host.out.good()) return code;
  // A full disk, a closed descriptor: who called must not take what there is for the whole answer.
  host.err << "framemill: the output could not be written"
           << (errno != 0 ? fmt::format(": {}", std::strerror(errno)) : std::string()) << " [output.write]\n";
  return code == static_cast<int>(ExitCode::Ok) ? static_cast<int>(ExitCode::Server) : code;
}

}  // namespace framemill::cli
