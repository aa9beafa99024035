#include "scheduler/daemon/local_verbs.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <string>

#include "net/http_client.h"

namespace framemill::scheduler {
namespace {

namespace json = boost::json;

constexpr base::Duration kReloadLimit = base::seconds(30);
constexpr base::Duration kCopyLimit = base::seconds(6 * 3600);  // of a store of many GiB on a slow disk

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
std::uint64_t number_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

base::Result<json::object> post(const SchedulerConfig& config, const std::string& target, base::Duration limit) {
  net::HttpClientOptions options;
  options.read_timeout = limit;
  FM_ASSIGN(net::HttpClient client, net::HttpClient::open("unix:" + config.local_socket().string(), options));
  net::HttpCall call;
  call.method = "POST";
  call.target = target;
  call.body = "{}";
  auto reply = client.send(call);
  if (!reply.ok()) {
    base::Error error = reply.error();
    error.hint = "does the scheduler run with this configuration? systemctl status framemill-scheduler";
    return error;
  }
  json::error_code fault;
  json::value body = json::parse(reply->body, fault);
  if (fault || !body.is_object())
    return base::Error{"http.bad_reply", fmt::format("the scheduler answered {}", reply->status), "", ""};
  if (reply->status == 200) return std::move(body.get_object());
  const json::object& said = body.get_object();
  return base::Error{text_of(said, "code"), text_of(said, "message"), "", text_of(said, "hint")};
}

}  // namespace

base::Status ask_reload(const SchedulerConfig& config) {
  FM_ASSIGN(const json::object reply, post(config, "/api/v1/reload", kReloadLimit));
  std::string refused;
  const json::value* files = reply.if_contains("files");
  if (files == nullptr || !files->is_array()) return base::Error{"http.bad_reply", "the reply names no files", "", ""};
  for (const json::value& item : files->get_array()) {
    if (!item.is_object()) continue;
    const json::object& file = item.get_object();
    const json::value* problem = file.if_contains("refused");
    if (problem == nullptr || !problem->is_object()) {
      const std::string note = text_of(file, "note");
      fmt::print("{}: {} {}{}{}\n", text_of(file, "path"), number_of(file, "entries"), text_of(file, "what"),
                 note.empty() ? "" : "\n  ", note);
      continue;
    }
    const std::string hint = text_of(problem->get_object(), "hint");
    refused += fmt::format("{}{}: {}{}", refused.empty() ? "" : "\n", text_of(file, "path"),
                           text_of(problem->get_object(), "message"), hint.empty() ? "" : "\n  " + hint);
  }
  if (refused.empty()) return {};
  return base::Error{"reload.refused", refused, "", "what was in force before stays so; correct it and reload again"};
}

base::Status ask_copy(const SchedulerConfig& config, Wanted wanted) {
  FM_ASSIGN(const json::object made,
            post(config, wanted == Wanted::Backup ? "/api/v1/store/backup" : "/api/v1/store/verify", kCopyLimit));
  fmt::print("the store is intact up to batch {}: {} batches and {} commits checked\n",
             number_of(made, "durable_sequence"), number_of(made, "batches_checked"),
             number_of(made, "commits_checked"));
  if (wanted == Wanted::Backup) fmt::print("{} ({} bytes)\n", text_of(made, "file"), number_of(made, "size_bytes"));
  return {};
}

}  // namespace framemill::scheduler
