// framemill completion SHELL: a completion script, made of the same declarations as --help. And framemill manual: the
// manual page.
#include <memory>
#include <ostream>

#include "cli/completion_text.h"
#include "cli/manual_text.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {

void declare_completion(Arguments& program) {
  const auto shell = std::make_shared<std::string>();
  Arguments verb =
      program.verb("completion", "Print a completion script for a shell", "source <(framemill completion bash)");
  verb.positional("SHELL", *shell, "bash, zsh or fish");
  verb.run([shell, program](Session& session) -> base::Result<ExitCode> {
    const auto known = shell_from_name(*shell);
    if (!known)
      return base::Error{"usage.shell", "no completion for the shell '" + *shell + "'", "SHELL",
                         "bash, zsh and fish are known"};
    session.out() << completion_text(program.info(), *known);
    return ExitCode::Ok;
  });
}

void declare_manual(Arguments& program) {
  Arguments verb = program.verb("manual", "Print the manual page, for man", "framemill manual | man -l -");
  verb.run([program](Session& session) -> base::Result<ExitCode> {
    session.out() << manual_text(program.info(), FRAMEMILL_VERSION);
    return ExitCode::Ok;
  });
}

}  // namespace framemill::cli
