// The command line as data, read back from its declaration: what completion scripts and the manual page are made of, so
// that they say what --help says. Values.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace framemill::cli {

struct OptionInfo {
  std::vector<std::string> names;  // "-q", "--quiet"; of a positional argument none
  std::string label, help;         // label: of its value or of the argument: "FILE"; empty: a flag
  bool required = false, repeatable = false;
  bool takes_value() const { return !label.empty(); }
  // A path of this host, which a shell can complete.
  bool takes_path() const { return label == "FILE" || label == "DIR" || label == "PACKAGE"; }
};

struct VerbInfo {
  std::string name, summary, example;  // example: without the heading, lines of a shell
  std::vector<OptionInfo> options, arguments;
  std::vector<VerbInfo> verbs;
};

// The app with all that is below it.
VerbInfo verb_info(const CLI::App& app);

// Every verb with the words that lead to it: "framemill", "framemill model", "framemill model show". In this order.
struct NamedVerb {
  std::string path;
  const VerbInfo* verb = nullptr;
};
std::vector<NamedVerb> all_verbs(const VerbInfo& program);  // valid as long as the program's info

}  // namespace framemill::cli
