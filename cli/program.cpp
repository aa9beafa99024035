#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>

#include "base/nearest.h"
#include "cli/arguments.h"
#include "cli/json_writer.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

std::string nearest_verb(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) names.push_back(verb->get_name());
  return base::nearest(word, names);
}

// The first word that is neither an option nor an option's value: what was meant as the verb. Empty: there is none.
std::string word_for_verb(const CLI::App& app, const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with('-')) return arguments[i];
    const CLI::Option* option = app.get_option_no_throw(arguments[i]);
    if (option != nullptr && option->get_items_expected_max() > 0) ++i;
  }
  return {};
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
  const std::string word = word_for_verb(app, arguments);
  if (no_verb && !word.empty()) {
    message = fmt::format("unknown verb '{}'", printable(word));
    if (const std::string near = nearest_verb(app, word); !near.empty())
      hint = fmt::format("did you mean framemill {}?", near);
  }
  if (std::find(arguments.begin(), arguments.end(), "--json") != arguments.end()) {
    host.err << json_line(
                    json::object{{"code", "usage.command_line"}, {"message", message}, {"field", verb}, {"hint", hint}})
             << '\n';
    return static_cast<int>(ExitCode::Usage);
  }
  if (no_verb && word.empty()) host.err << app.help() << '\n';
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
      "Run framemill VERB --help for details.");
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
