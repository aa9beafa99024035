// framemill shares: the tree of fair shares; framemill shares set PATH: its weights, guarantees and caps at run time.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>

#include "cli/table.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

struct ShareView {
  std::string path, why, changed_by, change_reason;
  bool is_user = false;
  double weight = 1, entitled = 0, used = 0;
  std::int64_t guarantee = 0, slots_max = 0, slots = 0, tasks_ready = 0;
};

double number(JsonReader& reader, const json::value& share, std::string_view key) {
  const json::value* value = share.is_object() ? share.get_object().if_contains(key) : nullptr;
  if (value == nullptr || !value->is_number()) {
    reader.integer(key);  // it says what is wrong
    return 0;
  }
  return value->to_number<double>();
}

base::Result<ShareView> read_share(const json::value& value) {
  JsonReader reader(value, "share");
  ShareView share;
  share.path = reader.text("path");
  share.why = reader.text("why");
  share.is_user = reader.flag("is_user");
  share.weight = number(reader, value, "weight");
  share.entitled = number(reader, value, "entitled");
  share.used = number(reader, value, "used");
  share.guarantee = reader.integer("guarantee");
  if (!reader.field("slots_max").is_null()) share.slots_max = reader.integer("slots_max");
  share.slots = reader.integer("slots");
  share.tasks_ready = reader.integer("tasks_ready");
  if (const json::value& change = reader.field("last_change"); change.is_object()) {
    JsonReader of_change(change, "last_change");
    share.changed_by = of_change.text("principal");
    share.change_reason = of_change.text_or_empty("reason");
    reader.take(of_change.status());
  }
  if (auto status = reader.status(); !status.ok()) return status.error();
  return share;
}

std::string percent(double part) {
  return fmt::format("{:.1f} %", part * 100);
}

// "  ana" under "features/atlas".
std::string indented(const std::string& path) {
  const auto level = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
  const std::size_t name = path.rfind('/');
  return std::string(2 * level, ' ') + (name == std::string::npos ? path : path.substr(name + 1));
}

base::Result<ExitCode> list(Session& session) {
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->get("/api/v1/shares"));
  JsonReader reader(answer, "shares");
  std::vector<ShareView> shares;
  for (const json::value& item : reader.list("items")) {
    FM_ASSIGN(ShareView share, read_share(item));
    shares.push_back(std::move(share));
  }
  FM_TRY(reader.status());
  if (session.json()) {
    session.print_json(answer);
    return ExitCode::Ok;
  }
  if (shares.empty()) {
    session.out() << "nobody has submitted anything, and scheduler.toml names no shares\n";
    return ExitCode::Ok;
  }
  Table table({{"SHARE"},
               {"WEIGHT", Align::Right},
               {"ENTITLED", Align::Right},
               {"USED", Align::Right},
               {"SLOTS", Align::Right},
               {"GUARANTEE", Align::Right},
               {"CAP", Align::Right},
               {"READY", Align::Right},
               {"", Align::Left, true}});
  std::string changes;
  for (const ShareView& share : shares) {
    const bool works = share.slots > 0 || share.tasks_ready > 0;
    table.add({indented(share.path), fmt::format("{:g}", share.weight), works ? percent(share.entitled) : "-",
               percent(share.used), std::to_string(share.slots),
               share.guarantee == 0 ? "-" : std::to_string(share.guarantee),
               share.slots_max == 0 ? "-" : std::to_string(share.slots_max), std::to_string(share.tasks_ready),
               Table::Cell(share.why, share.why.starts_with("next") ? Tone::Good : Tone::Plain)});
    if (!share.changed_by.empty())
      changes += fmt::format("  {} was set by {}{}\n", share.path, share.changed_by,
                             share.change_reason.empty() ? "" : ": " + share.change_reason);
  }
  session.out() << table.text(session.terminal());
  if (!changes.empty()) session.out() << '\n' << changes;
  return ExitCode::Ok;
}

struct Change {
  std::string path, weight, reason;
  std::optional<std::int64_t> guarantee, slots_max;
  bool reset = false;
};

base::Result<ExitCode> set(const Change& change, Session& session) {
  json::object body{{"path", change.path}, {"reason", change.reason}};
  if (!change.weight.empty()) {
    double weight = 0;
    const char* end = change.weight.data() + change.weight.size();
    const auto [stop, error] = std::from_chars(change.weight.data(), end, weight);
    if (error != std::errc() || stop != end || !std::isfinite(weight) || weight <= 0)
      return base::Error{"usage.weight", "a weight is a number above 0", "--weight",
                         "2 gets twice as much as 1 beside it"};
    body["weight"] = weight;
  }
  if (change.guarantee) body["guarantee"] = *change.guarantee;
  if (change.slots_max) body["slots_max"] = *change.slots_max;
  if (change.reset) body["reset"] = true;
  if (body.size() == 2)
    return base::Error{"usage.shares", "nothing to set", "--weight",
                       "give --weight, --guarantee, --slots-max or --reset"};
  FM_ASSIGN(Api* server, session.api());
  FM_ASSIGN(const json::value answer, server->post("/api/v1/shares", body));
  FM_ASSIGN(const ShareView share, read_share(answer));
  if (session.json())
    session.print_json(answer);
  else
    session.out() << fmt::format("share {} has weight {:g}{}{}\n", share.path, share.weight,
                                 share.guarantee == 0 ? "" : fmt::format(", {} guaranteed slots", share.guarantee),
                                 share.slots_max == 0 ? "" : fmt::format(", at most {} slots", share.slots_max));
  return ExitCode::Ok;
}

}  // namespace

void declare_shares(Arguments& program) {
  Arguments verb =
      program.verb("shares", "Show who is entitled to what, has used what, and waits for whom", "framemill shares");
  auto change = std::make_shared<Change>();
  Arguments inner = verb.verb("set", "Set the weight, the guarantee or the cap of a group, show or user",
                              "framemill shares set features/atlas --weight 3 --reason \"deadline on Friday\"");
  inner.positional("PATH", change->path, "The share, as `framemill shares --json` names it: features/atlas/ana");
  inner.option("--weight", change->weight, "N", "Among its siblings: 2 gets twice as much as 1");
  inner.option("--guarantee", change->guarantee, "SLOTS", "Slots that it gets before all others while it has work");
  inner.option("--slots-max", change->slots_max, "SLOTS", "Slots that may hold its work at once; 0: no cap");
  inner.flag("--reset", change->reset, "As scheduler.toml has it");
  inner.option("--reason", change->reason, "TEXT", "Reason, recorded in the audit log");
  inner.run([change](Session& session) { return set(*change, session); });
  verb.run(list);
}

}  // namespace framemill::cli
