#include "cli/manual_text.h"

#include <fmt/format.h>

#include <set>

namespace framemill::cli {
namespace {

// What troff would take for its own: backslashes, hyphens of options, and a full stop or quote that begins a line.
std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins_line = i == 0 || text[i - 1] == '\n';
    if (begins_line && (text[i] == '.' || text[i] == '\'')) out += "\\&";
    if (text[i] == '\\')
      out += "\\e";
    else if (text[i] == '-')
      out += "\\-";
    else
      out += text[i];
  }
  return out;
}

std::string bold(std::string_view text) {
  return "\\fB" + escaped(text) + "\\fR";
}
std::string italic(std::string_view text) {
  return "\\fI" + escaped(text) + "\\fR";
}

std::string names_of(const OptionInfo& option) {
  std::string names;
  for (const std::string& name : option.names) names += (names.empty() ? "" : ", ") + bold(name);
  return option.takes_value() ? names + " " + italic(option.label) : names;
}

std::string usage_of(const NamedVerb& named) {
  std::string usage = bold(named.path);
  if (!named.verb->options.empty()) usage += " [" + italic("options") + "]";
  for (const OptionInfo& argument : named.verb->arguments) {
    const std::string label = italic(argument.label) + (argument.repeatable ? "..." : "");
    usage += argument.required ? " " + label : " [" + label + "]";
  }
  return usage;
}

std::string options_text(const std::vector<OptionInfo>& options) {
  std::string text;
  for (const OptionInfo& option : options)
    text += fmt::format(".TP\n{}\n{}\n", option.names.empty() ? italic(option.label) : names_of(option),
                        escaped(option.help));
  return text;
}

// What every verb has is said once.
std::set<std::string> common_names(const VerbInfo& program) {
  std::set<std::string> names;
  for (const OptionInfo& option : program.options) names.insert(option.names.begin(), option.names.end());
  return names;
}

std::string example_text(const VerbInfo& verb) {
  return verb.example.empty() ? "" : fmt::format(".PP\n.nf\n{}\n.fi\n", escaped(verb.example));
}

}  // namespace

std::string manual_text(const VerbInfo& program, const std::string& version) {
  const std::set<std::string> common = common_names(program);
  std::string text = fmt::format(
      ".TH FRAMEMILL 1 \"\" \"framemill {}\" \"Framemill\"\n.SH NAME\nframemill \\- {}\n.SH SYNOPSIS\n{} {} [{}]\n"
      ".SH DESCRIPTION\n{}\n{}.SH OPTIONS\nEvery verb takes these.\n{}.SH VERBS\n",
      escaped(version), escaped(program.summary), bold(program.name), italic("VERB"), italic("options"),
      escaped(program.summary), example_text(program), options_text(program.options));
  for (const NamedVerb& named : all_verbs(program)) {
    if (named.verb == &program) continue;
    std::vector<OptionInfo> own;
    for (const OptionInfo& option : named.verb->options)
      if (!common.contains(option.names.front())) own.push_back(option);
    text +=
        fmt::format(".SS {}\n{}\n.PP\n{}\n{}{}{}", escaped(named.path), usage_of(named), escaped(named.verb->summary),
                    options_text(named.verb->arguments), options_text(own), example_text(*named.verb));
  }
  return text +
         ".SH FILES\n.TP\n.I ~/.config/framemill/config.toml\nThe server, the token's file, roots as this host sees "
         "them.\n.TP\n.I ~/.config/framemill/token\nThe token, unless another file is named.\n"
         ".SH ENVIRONMENT\n.TP\n.B FRAMEMILL_SERVER\nThe scheduler's address.\n.TP\n.B FRAMEMILL_TOKEN_FILE\nThe file "
         "with the token.\n";
}

}  // namespace framemill::cli
