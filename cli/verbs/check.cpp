// framemill check FILE: is the spec right, and what will it make? Needs no scheduler.
#include <fmt/format.h>

#include <ostream>

#include "cli/check_summary.h"
#include "cli/diagnostics.h"
#include "cli/spec_source.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "jobs/check.h"
#include "models/package.h"
#include "net/net_error.h"

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
  std::string place = summary.show;  // as jobs and job write it
  for (const std::string& part : {summary.sequence, summary.shot})
    if (!part.empty()) place += "/" + part;
  session.out() << fmt::format("{}: {} {}, {}\n\n", source.shown_name(), printable(summary.name), printable(place),
                               summary.version ? fmt::format("version {}", *summary.version)
                                               : std::string("the next free version (shown as v001)"))
                << table.text(session.terminal()) << '\n';
  for (const LayerSummary& layer : summary.layers)
    for (const OutputSummary& output : layer.outputs) {
      std::string what = layer.rate.empty() ? "" : fmt::format(", {} frames per second", layer.rate);
      if (!layer.size.empty())
        what += fmt::format(", {}, windows of {} frames", layer.size, layer.window_frames.value_or(0));
      session.out() << fmt::format("  {} t{:02}: {}:{}{}\n", printable(layer.name), output.variant, output.root,
                                   printable(output.first), what);
      if (output.last != output.first) session.out() << fmt::format("    to {}\n", printable(output.last));
    }
  if (!summary.with_packages)
    session.out()
        << "\nOnly the form was checked; --models DIR also checks models, prompts and sizes, and counts windows.\n";
}

CheckResult check_one(const SpecSource& source, const jobs::SpecOverrides& overrides,
                      const std::optional<models::PackageShelf>& shelf) {
  const auto format = source.is_json() ? jobs::SpecFormat::Json : jobs::SpecFormat::Toml;
  CheckResult result = check_spec(source.text, format, overrides, shelf ? &*shelf : nullptr);
  place_and_order(result.errors, source, overrides);
  return result;
}

// A file that could not be read stands in the document like one with an error in it.
json::object unreadable_json(const base::Error& error, const std::string& file) {
  CheckResult result;
  result.errors.push_back({error.code, {}, {}, {}, error.message, {}, error.hint});
  return check_json(result, file);
}

// The files one after the other, whatever is wrong with one of them. JSON comes as one document at the end.
base::Result<ExitCode> run(const Options& options, Session& session) {
  FM_ASSIGN(const jobs::SpecOverrides overrides, parse_overrides(options.set));
  FM_ASSIGN(const auto shelf, open_shelf(options, session));
  json::array items;
  ExitCode worst = ExitCode::Ok;
  for (const std::string& file : options.files) {
    const auto source = read_spec_source(file, session.standard_input());
    if (!source.ok()) {
      if (is(source, net::NetError::Interrupted)) return source.error();
      session.print_error(source.error());
      items.push_back(unreadable_json(source.error(), file));
      worst = ExitCode::Usage;
      continue;
    }
    const CheckResult result = check_one(*source, overrides, shelf);
    if (!result.errors.empty()) worst = ExitCode::Usage;
    if (session.json())
      items.push_back(check_json(result, file));
    else if (!result.errors.empty())
      session.err() << diagnostics_text(result.errors, source->name, source->text, session.terminal());
    else
      print_summary(*result.summary, *source, session);
    if (session.json()) continue;
    for (const jobs::SpecError& warning : result.warnings)
      session.err() << fmt::format("{}{}: warning: {}\n", source->name,
                                   warning.line ? fmt::format(":{}", *warning.line) : "", jobs::sentence(warning));
  }
  if (session.json()) session.print_json(json::object{{"items", std::move(items)}});
  return worst;
}

}  // namespace

void declare_check(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb =
      program.verb("check", "Check job specs without a scheduler", "framemill check shot.toml --models models");
  verb.positional("FILE", options->files, "Job specs, TOML or JSON; - reads standard input");
  verb.option("--set", options->set, "KEY=VALUE", "Set a key of the spec; repeatable");
  verb.option("--models", options->models, "DIR", "A directory of model packages; repeatable");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
