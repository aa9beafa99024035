// framemill check FILE: is the spec right, and what will it make? Needs no scheduler.
#include <fmt/format.h>

#include <ostream>

#include "cli/check_summary.h"
#include "cli/diagnostics.h"
#include "cli/spec_source.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "models/package.h"

namespace framemill::cli {
namespace {

struct Options {
  std::vector<std::string> files, set, models;
};

// Where packages are known: from --models, else from the settings; nowhere means a check of form alone.
base::Result<std::optional<models::PackageShelf>> open_shelf(const Options& options, Session& session) {
  std::vector<std::filesystem::path> roots(options.models.begin(), options.models.end());
  if (roots.empty()) {
    FM_ASSIGN(const Settings settings, session.settings());
    roots = settings.models;
  }
  if (roots.empty()) return std::optional<models::PackageShelf>();
  models::PackageShelf shelf = models::PackageShelf::open(roots);
  for (const base::Error& problem : shelf.problems()) session.print_error(problem);
  return std::optional<models::PackageShelf>(std::move(shelf));
}

void print_summary(const CheckSummary& summary, const SpecSource& source, Session& session) {
  Table table({{"LAYER"},
               {"KIND"},
               {"SHOT", Align::Left, true},
               {"FRAMES"},
               {"COUNT", Align::Right},
               {"VARIANTS", Align::Right},
               {"WINDOWS", Align::Right},
               {"TASKS", Align::Right}});
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : std::string("-");
  };
  for (const LayerSummary& layer : summary.layers)
    table.add({printable(layer.name), layer.kind, printable(layer.shot), layer.frames.empty() ? "-" : layer.frames,
               layer.frames.empty() ? "-" : std::to_string(layer.frame_count), std::to_string(layer.variants),
               number(layer.windows), number(layer.tasks)});
  session.out() << fmt::format("{}: {} {}/{}, {}\n\n", source.name == "-" ? "standard input" : printable(source.name),
                               printable(summary.name), printable(summary.show), printable(summary.shot),
                               summary.version ? fmt::format("version {}", *summary.version)
                                               : std::string("the next free version (shown as v001)"))
                << table.text(session.terminal()) << '\n';
  for (const LayerSummary& layer : summary.layers)
    for (const OutputSummary& output : layer.outputs) {
      session.out() << fmt::format("  {} t{:02}: {}:{}\n", printable(layer.name), output.variant, output.root,
                                   printable(output.first));
      if (output.last != output.first) session.out() << fmt::format("    to {}\n", printable(output.last));
    }
  if (!summary.with_packages)
    session.out()
        << "\nForm alone was checked: --models DIR also checks models, prompts and sizes, and counts windows.\n";
}

base::Result<ExitCode> check_one(const Options& options, const std::optional<models::PackageShelf>& shelf,
                                 const SpecSource& source, Session& session) {
  FM_ASSIGN(const jobs::SpecOverrides overrides, parse_overrides(options.set));
  const auto format = source.is_json() ? jobs::SpecFormat::Json : jobs::SpecFormat::Toml;
  const CheckResult result = check_spec(source.text, format, overrides, shelf ? &*shelf : nullptr);
  if (session.json()) {
    session.print_json(check_json(result, source.name));
  } else if (!result.errors.empty()) {
    session.err() << diagnostics_text(result.errors, source.name, source.text, session.terminal());
  } else {
    print_summary(*result.summary, source, session);
  }
  return result.errors.empty() ? ExitCode::Ok : ExitCode::Usage;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  FM_ASSIGN(const auto shelf, open_shelf(options, session));
  ExitCode worst = ExitCode::Ok;
  for (const std::string& file : options.files) {
    FM_ASSIGN(const SpecSource source, read_spec_source(file, session.host().in));
    FM_ASSIGN(const ExitCode code, check_one(options, shelf, source, session));
    if (code != ExitCode::Ok) worst = code;
  }
  return worst;
}

}  // namespace

void declare_check(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb =
      program.verb("check", "Check job specs without a scheduler", "framemill check shot.toml --models models");
  verb.positional("FILE", options->files, "Job specs, TOML or JSON; - reads standard input");
  verb.option("--set", options->set, "KEY=VALUE", "Set a key of the spec; may be given again");
  verb.option("--models", options->models, "DIR", "A directory of model packages; may be given again");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
