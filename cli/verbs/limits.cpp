// framemill limits [set NAME N]: licences and slots of models that the farm has a limited number of.
#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <ostream>

#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs/verbs.h"
#include "net/http_message.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kUsersShown = 4;

struct Options {
  std::string action, name, count, reason;
};

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  return number;
}

// "job 12 (14), job 13 (6)"
base::Result<std::string> users_text(const json::array& users) {
  std::string text;
  for (std::size_t i = 0; i < users.size() && i < kUsersShown; ++i) {
    JsonReader user(users[i], "user");
    text += fmt::format("{}job {} ({})", text.empty() ? "" : ", ", user.integer("job"), user.integer("slots"));
    FM_TRY(user.status());
  }
  if (users.size() > kUsersShown) text += fmt::format(" and {} more", users.size() - kUsersShown);
  return text.empty() ? std::string("-") : text;
}

// "ana: two seats are lent"; of one that is as configured nothing.
base::Result<std::string> change_text(const json::value& changed, std::int64_t count, std::int64_t configured) {
  if (changed.is_null()) return std::string("-");
  JsonReader reader(changed, "changed");
  std::string text = reader.text("principal");
  const std::string reason = reader.text("reason");
  FM_TRY(reader.status());
  if (!reason.empty()) text += ": " + reason;
  return count == configured ? text : fmt::format("{} (configured: {})", text, configured);
}

base::Result<ExitCode> list(Session& session) {
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->get("/api/v1/limits"));
  if (session.json()) {
    session.print_json(answer);
    return ExitCode::Ok;
  }
  Table table({{"LIMIT"},
               {"COUNT", Align::Right},
               {"IN USE", Align::Right},
               {"WAITING", Align::Right},
               {"USED BY", Align::Left, true},
               {"CHANGED BY", Align::Left, true}});
  JsonReader reader(answer, "limits");
  for (const json::value& item : reader.list("items")) {
    JsonReader limit(item, "limit");
    const std::int64_t count = limit.integer("count"), in_use = limit.integer("in_use");
    const std::int64_t waiting = limit.integer("waiting"), configured = limit.integer("configured");
    const std::string name = limit.text("name");
    FM_ASSIGN(const std::string users, users_text(limit.list("users")));
    FM_ASSIGN(const std::string changed, change_text(limit.field("changed"), count, configured));
    FM_TRY(limit.status());
    const bool held = waiting > 0 && in_use >= count;
    table.add({name,
               std::to_string(count),
               {std::to_string(in_use), held ? Tone::Warning : Tone::Plain},
               std::to_string(waiting),
               users,
               changed});
  }
  FM_TRY(reader.status());
  session.out() << (table.empty() ? "no limits; scheduler.toml names them under [limits.tokens] and [limits.models]\n"
                                  : table.text(session.terminal()));
  return ExitCode::Ok;
}

base::Result<ExitCode> set(const Options& options, Session& session) {
  const auto count = whole_number(options.count);
  if (options.name.empty() || !count)
    return base::Error{"usage.limit", "set needs a limit's name and how many there are", "N",
                       "framemill limits set nuke 10 --reason \"two seats are lent\""};
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->post("/api/v1/limits/" + net::percent_encode(options.name),
                                                   {{"count", *count}, {"reason", options.reason}}));
  if (session.json())
    session.print_json(answer);
  else
    session.out() << fmt::format("{}: {} from now on; what is in use goes on to its end\n", options.name, *count);
  return ExitCode::Ok;
}

base::Result<ExitCode> run(const Options& options, Session& session) {
  if (options.action.empty()) return list(session);
  if (options.action == "set") return set(options, session);
  return base::Error{"usage.limit", "unknown word \"" + options.action + "\"", "limits",
                     "framemill limits lists them, framemill limits set NAME N changes one"};
}

}  // namespace

void declare_limits(Arguments& program) {
  auto options = std::make_shared<Options>();
  Arguments verb = program.verb("limits", "Show licences and other limits, or change how many there are",
                                "framemill limits set nuke 10 --reason \"two seats are lent\"");
  verb.positional("ACTION", options->action, "set: change one; left out: show all", Presence::Optional);
  verb.positional("NAME", options->name, "The limit: nuke, or big@1 of a model", Presence::Optional);
  verb.positional("N", options->count, "How many there are from now on", Presence::Optional);
  verb.option("--reason", options->reason, "TEXT", "Reason, recorded in the audit log");
  verb.run([options](Session& session) { return run(*options, session); });
}

}  // namespace framemill::cli
