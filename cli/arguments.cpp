#include "cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

namespace framemill::cli {
void Arguments::common() {
  const std::string group = "Common";
  app_->add_flag("--json", line_->flags.json, "Print JSON for programs")->group(group);
  app_->add_option("--server", line_->flags.settings.server, "The scheduler: http://host:port or unix:/path")
      ->type_name("URL")
      ->check([](const std::string& text) {
        // An unset variable of a script must not mean another farm.
        return text.empty() ? std::string("the address is empty; omit --server to use the one from the settings") : "";
      })
      ->group(group);
  app_->add_option("--token-file", line_->flags.settings.token_file, "File with your token, readable only by you")
      ->type_name("FILE")
      ->group(group);
  app_->set_help_flag("-h,--help", "Show this help and exit")->group(group);
}

Arguments Arguments::verb(const std::string& name, const std::string& summary, const std::string& example) {
  CLI::App* app = app_->add_subcommand(name, summary);
  app->footer("Example:\n  " + example);
  return Arguments(*app, *line_);
}

Arguments Arguments::group(const std::string& name, const std::string& summary, const std::string& example) {
  Arguments inner = verb(name, summary, example);
  inner.common();
  inner.app_->require_subcommand(1);
  return inner;
}

void Arguments::positional(const std::string& name, std::string& target, const std::string& help, Presence presence) {
  auto* option = app_->add_option(name, target, help)->type_name("");
  if (presence == Presence::Required) option->required();
}

void Arguments::positional(const std::string& name, std::vector<std::string>& target, const std::string& help) {
  app_->add_option(name, target, help)->type_name("")->required();
}

void Arguments::option(const std::string& names, std::string& target, const std::string& value,
                       const std::string& help) {
  app_->add_option(names, target, help)->type_name(value);
}

void Arguments::option(const std::string& names, std::optional<std::int64_t>& target, const std::string& value,
                       const std::string& help) {
  app_->add_option_function<std::int64_t>(
          names, [&target](const std::int64_t& number) { target = number; }, help)
      ->type_name(value);
}

void Arguments::option(const std::string& names, std::vector<std::string>& target, const std::string& value,
                       const std::string& help) {
  // One value per flag: a list that runs on would swallow the positional arguments behind it.
  app_->add_option(names, target, help)->type_name(value)->expected(1)->take_all();
}

void Arguments::required_option(const std::string& names, std::string& target, const std::string& value,
                                const std::string& help) {
  app_->add_option(names, target, help)->type_name(value)->required();
}

void Arguments::flag(const std::string& names, bool& target, const std::string& help) {
  app_->add_flag(names, target, help);
}

VerbInfo Arguments::info() const {
  return verb_info(*app_);
}

void Arguments::run(Action action) {
  common();  // last, so that help lists the verb's own options first
  // A verb below this one was there first.
  app_->callback([line = line_, action = std::move(action)] {
    if (!line->action) line->action = action;
  });
}

}  // namespace framemill::cli
