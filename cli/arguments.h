// How a verb declares its command line, so that the parser library stays in one file: names, values, help and what to
// run. Targets must live as long as the verb's action (keep them in a shared options struct). One thread, at start.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/exit_code.h"
#include "cli/session.h"
#include "cli/verb_info.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace framemill::cli {

using Action = std::function<base::Result<ExitCode>(Session&)>;

// What all verbs of one program share while the command line is read.
struct ParsedLine {
  CommonFlags flags;
  Action action;
};

enum class Presence { Required, Optional };

class Arguments {
 public:
  Arguments(CLI::App& app, ParsedLine& line) : app_(&app), line_(&line) {}

  // --json, --server, --token-file and --help.
  void common();
  // A verb below this one, with `--help` and the flags that all verbs have.
  Arguments verb(const std::string& name, const std::string& summary, const std::string& example);
  // A verb that only groups others: `framemill model show`.
  Arguments group(const std::string& name, const std::string& summary, const std::string& example);

  void positional(const std::string& name, std::string& target, const std::string& help,
                  Presence presence = Presence::Required);
  void positional(const std::string& name, std::vector<std::string>& target, const std::string& help);
  void option(const std::string& names, std::string& target, const std::string& value, const std::string& help);
  void option(const std::string& names, std::optional<std::int64_t>& target, const std::string& value,
              const std::string& help);
  void option(const std::string& names, std::vector<std::string>& target, const std::string& value,
              const std::string& help);
  void required_option(const std::string& names, std::string& target, const std::string& value,
                       const std::string& help);
  void flag(const std::string& names, bool& target, const std::string& help);
  // Ends the declaration: options come before it.
  void run(Action action);

  // What has been declared here and below.
  VerbInfo info() const;

 private:
  CLI::App* app_;
  ParsedLine* line_;
};

// `arguments` without the program's name. The exit code of the whole run.
int run_program(std::vector<std::string> arguments, Host& host, void (*declare_verbs)(Arguments&));

}  // namespace framemill::cli
