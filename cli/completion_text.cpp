#include "cli/completion_text.h"

#include <fmt/format.h>

namespace framemill::cli {
namespace {

// In single quotes, for all three shells; fish knows \' inside them, bash and zsh do not.
std::string quoted(std::string_view text, Shell shell) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += shell == Shell::Fish ? "\\'" : "'\\''";
    else if (c == '\\' && shell == Shell::Fish)
      out += "\\\\";
    else
      out += c;
  }
  return out + "'";
}

std::string words_of(const VerbInfo& verb) {
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const VerbInfo& inner : verb.verbs) add(inner.name);
  for (const OptionInfo& option : verb.options)
    for (const std::string& name : option.names) add(name);
  return words;
}

bool takes_paths(const VerbInfo& verb) {
  for (const OptionInfo& argument : verb.arguments)
    if (argument.takes_path()) return true;
  return false;
}

enum class Value { Any, Path, Text };

// "framemill submit --reason" of every option with such a value.
std::vector<std::string> value_options(const std::vector<NamedVerb>& verbs, Value value) {
  std::vector<std::string> found;
  for (const NamedVerb& named : verbs)
    for (const OptionInfo& option : named.verb->options)
      if (option.takes_value() && (value == Value::Any || option.takes_path() == (value == Value::Path)))
        for (const std::string& name : option.names) found.push_back(named.path + " " + name);
  return found;
}

std::vector<std::string> paths_below(const std::vector<NamedVerb>& verbs) {
  std::vector<std::string> paths;
  for (const NamedVerb& named : verbs) paths.push_back(named.path);
  paths.erase(paths.begin());  // the program itself is where every path begins
  return paths;
}

// Texts in quotes, with this between them.
std::string list_of(const std::vector<std::string>& texts, std::string_view between, Shell shell) {
  std::string list;
  for (const std::string& text : texts) {
    if (!list.empty()) list += between;
    list += quoted(text, shell);
  }
  return list;
}

// The loop over the words before the one being typed that bash and zsh share: which verb is meant. The value of an option
// is not one.
std::string walk_text(const std::vector<NamedVerb>& verbs) {
  return fmt::format(R"(    case "$at $before" in
      {}) before=; continue ;;
    esac
    case "$at $word" in
      {}) at="$at $word" ;;
    esac
    before=$word
)",
                     list_of(value_options(verbs, Value::Any), "|", Shell::Bash),
                     list_of(paths_below(verbs), "|", Shell::Bash));
}

std::string bash_text(const std::vector<NamedVerb>& verbs) {
  std::string cases;
  for (const NamedVerb& named : verbs)
    cases += fmt::format("    {}) words={}; paths={} ;;\n", quoted(named.path, Shell::Bash),
                         quoted(words_of(*named.verb), Shell::Bash), takes_paths(*named.verb) ? "yes" : "");
  return fmt::format(
      R"(# bash completion for framemill, made by `framemill completion bash`
_framemill() {{
  local at=framemill before= word words= paths= cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
{}  done
  COMPREPLY=()
  case "$at $prev" in
    {}) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; return ;;
    {}) return ;;
  esac
  case $at in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [[ $paths && $cur != -* ]]; then
    COMPREPLY+=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null
  fi
}}
complete -F _framemill framemill
)",
      walk_text(verbs), list_of(value_options(verbs, Value::Path), "|", Shell::Bash),
      list_of(value_options(verbs, Value::Text), "|", Shell::Bash), cases);
}

std::string described_words(const VerbInfo& verb, bool of_verbs) {
  std::string words;
  const auto add = [&](const std::string& word, const std::string& help) {
    words += (words.empty() ? "" : " ") + quoted(word + ":" + help, Shell::Zsh);
  };
  if (of_verbs)
    for (const VerbInfo& inner : verb.verbs) add(inner.name, inner.summary);
  else
    for (const OptionInfo& option : verb.options)
      for (const std::string& name : option.names) add(name, option.help);
  return words;
}

std::string zsh_text(const std::vector<NamedVerb>& verbs) {
  std::string cases;
  for (const NamedVerb& named : verbs)
    cases += fmt::format("    {})\n      verbs=({})\n      options=({})\n      paths={} ;;\n",
                         quoted(named.path, Shell::Zsh), described_words(*named.verb, true),
                         described_words(*named.verb, false), takes_paths(*named.verb) ? "yes" : "");
  return fmt::format(
      R"(#compdef framemill
# zsh completion for framemill, made by `framemill completion zsh`
_framemill() {{
  local at=framemill before= word paths=
  local -a verbs options
  for word in "${{(@)words[2,CURRENT-1]}}"; do
{}  done
  case "$at ${{words[CURRENT-1]}}" in
    {}) _files; return ;;
    {}) return ;;
  esac
  case $at in
{}  esac
  if [[ ${{words[CURRENT]}} == -* ]]; then
    _describe option options
  else
    (( $#verbs )) && _describe verb verbs
    [[ -n $paths ]] && _files
  fi
}}
if [[ $funcstack[1] == _framemill ]]; then _framemill "$@"; else compdef _framemill framemill; fi
)",
      walk_text(verbs), list_of(value_options(verbs, Value::Path), "|", Shell::Bash),
      list_of(value_options(verbs, Value::Text), "|", Shell::Bash), cases);
}

std::string fish_text(const std::vector<NamedVerb>& verbs) {
  std::string lines;
  for (const NamedVerb& named : verbs) {
    const std::string here = "-n " + quoted("test (__framemill_path) = '" + named.path + "'", Shell::Fish);
    for (const VerbInfo& inner : named.verb->verbs)
      lines +=
          fmt::format("complete -c framemill {} -a {} -d {}\n", here, inner.name, quoted(inner.summary, Shell::Fish));
    for (const OptionInfo& option : named.verb->options) {
      std::string names;
      for (const std::string& name : option.names)
        names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      lines += fmt::format("complete -c framemill {}{}{} -d {}\n", here, names,
                           !option.takes_value() ? ""
                           : option.takes_path() ? " -r -F"
                                                 : " -x",
                           quoted(option.help, Shell::Fish));
    }
    if (takes_paths(*named.verb)) lines += fmt::format("complete -c framemill {} -F\n", here);
  }
  return fmt::format(
      R"(# fish completion for framemill, made by `framemill completion fish`
function __framemill_path
  set -l at framemill
  set -l before ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at $before" {}
      set before ''
      continue
    end
    if contains -- "$at $word" {}
      set at "$at $word"
    end
    set before $word
  end
  echo $at
end
complete -c framemill -f
{})",
      list_of(value_options(verbs, Value::Any), " ", Shell::Fish), list_of(paths_below(verbs), " ", Shell::Fish),
      lines);
}

}  // namespace

std::optional<Shell> shell_from_name(std::string_view name) {
  if (name == "bash") return Shell::Bash;
  if (name == "zsh") return Shell::Zsh;
  if (name == "fish") return Shell::Fish;
  return std::nullopt;
}

std::string completion_text(const VerbInfo& program, Shell shell) {
  const std::vector<NamedVerb> verbs = all_verbs(program);
  switch (shell) {
    case Shell::Bash:
      return bash_text(verbs);
    case Shell::Zsh:
      return zsh_text(verbs);
    case Shell::Fish:
      return fish_text(verbs);
  }
  return {};
}

}  // namespace framemill::cli
