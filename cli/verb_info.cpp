#include "cli/verb_info.h"

#include <CLI/CLI.hpp>

namespace framemill::cli {
namespace {

constexpr std::string_view kExampleHeading = "Example:\n";

std::string example_of(const CLI::App& app) {
  std::string text = app.get_footer();
  if (text.starts_with(kExampleHeading)) text.erase(0, kExampleHeading.size());
  const std::size_t end = text.find("\n\n");  // the program's footer goes on
  if (end != std::string::npos) text.erase(end);
  return text;
}

OptionInfo option_info(const CLI::Option& option) {
  OptionInfo info;
  for (const std::string& name : option.get_snames()) info.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) info.names.push_back("--" + name);
  const bool positional = info.names.empty();
  if (positional)
    info.label = option.get_name();
  else if (option.get_items_expected_max() > 0)
    info.label = option.get_type_name();
  info.help = option.get_description();
  info.required = option.get_required();
  info.repeatable = positional ? option.get_items_expected_max() > 1
                               : option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  return info;
}

void add_below(const VerbInfo& verb, const std::string& path, std::vector<NamedVerb>& all) {
  all.push_back({path, &verb});
  for (const VerbInfo& inner : verb.verbs) add_below(inner, path + " " + inner.name, all);
}

}  // namespace

VerbInfo verb_info(const CLI::App& app) {
  VerbInfo info{app.get_name(), app.get_description(), example_of(app), {}, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    const OptionInfo read = option_info(*option);
    (read.names.empty() ? info.arguments : info.options).push_back(read);
  }
  for (const CLI::App* inner : app.get_subcommands(nullptr)) info.verbs.push_back(verb_info(*inner));
  return info;
}

std::vector<NamedVerb> all_verbs(const VerbInfo& program) {
  std::vector<NamedVerb> all;
  add_below(program, program.name, all);
  return all;
}

}  // namespace framemill::cli
