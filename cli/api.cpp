#include "cli/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "cli/exit_code.h"
#include "cli/text.h"
#include "net/net_error.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kReplyBytesMax = 32 << 20;
constexpr int kPageItems = 1000;
constexpr int kEmptyPagesMax = 10'000;  // in a row: a filter may let nothing of a page through
constexpr int kTriesWhileBusy = 5;

// What the server asks for, within reason.
base::Duration retry_after(const net::HttpResponse& reply) {
  const std::string* header = reply.header("Retry-After");
  const int seconds = header == nullptr ? 1 : std::atoi(header->c_str());
  return base::seconds(std::clamp(seconds, 1, 5));
}

}  // namespace

std::string query_text(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs)
    if (!value.empty()) out += fmt::format("{}{}={}", out.empty() ? '?' : '&', name, net::percent_encode(value));
  return out;
}

base::Result<Api> Api::open(const std::string& server, std::string token, std::function<bool()> keep_going) {
  net::HttpClientOptions options;
  options.body_bytes_max = kReplyBytesMax;
  options.keep_going = keep_going;
  FM_ASSIGN(net::HttpClient client, net::HttpClient::open(server, std::move(options)));
  Api api(std::move(client));
  api.token_ = std::move(token);
  api.keep_going_ = std::move(keep_going);
  return api;
}

base::Error Api::error_of(const net::HttpResponse& reply) {
  base::Error error{fmt::format("http.status_{}", reply.status),
                    fmt::format("the server answered {}", reply.status),
                    {},
                    "the server does not answer like a Framemill scheduler: check --server, and server in config.toml"};
  auto body = parse_json(reply.body);
  if (!body.ok()) return error;
  JsonReader reader(*body, "error");
  base::Error told{reader.text("code"), reader.text("message"), reader.text_or_empty("field"),
                   reader.text_or_empty("hint")};
  if (!reader.status().ok() || told.code.empty()) return error;
  // The server speaks of a header; here it is a file.
  if (is(told, ServerError::AuthMissing)) told.hint = "give --token-file FILE, or set token_file in config.toml";
  if (const json::value* errors = body->as_object().if_contains("errors"); errors && errors->is_array())
    last_spec_errors_ = errors->get_array();
  return told;
}

base::Result<json::value> Api::call(net::HttpCall call) {
  if (!token_.empty()) call.headers.emplace_back("Authorization", "Bearer " + token_);
  for (int tries = 1;; ++tries) {
    last_status_ = 0;
    last_spec_errors_.clear();
    auto reply = client_.send(call);
    if (!reply.ok()) return reply.error();
    last_status_ = reply->status;
    if (reply->status >= 200 && reply->status <= 299) return parse_json(reply->body);
    const base::Error error = error_of(*reply);
    if (!was_not_served(error) || tries >= kTriesWhileBusy) return error;
    if (!wait(retry_after(*reply))) return base::error_of(net::NetError::Interrupted, "stopped");
  }
}

bool Api::wait(base::Duration time) const {
  constexpr base::Duration kPiece = base::milliseconds(100);
  for (; time > base::milliseconds(0); time = time - kPiece) {
    if (keep_going_ && !keep_going_()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(time, kPiece).ms));
  }
  return true;
}

base::Result<json::value> Api::get(const std::string& target) {
  net::HttpCall request;
  request.target = target;
  return call(std::move(request));
}

base::Result<json::value> Api::post(const std::string& target, const json::value& body,
                                    const net::HttpHeaders& headers) {
  net::HttpCall request;
  request.method = "POST";
  request.target = target;
  request.headers = headers;
  request.body = json::serialize(body);
  return call(std::move(request));
}

base::Result<json::array> Api::get_pages(const std::string& target, std::size_t items_max) {
  json::array items;
  std::string after;
  int empty_pages = 0;
  const char joint = target.find('?') == std::string::npos ? '?' : '&';
  while (items.size() < items_max) {
    const std::size_t limit = std::min<std::size_t>(kPageItems, items_max - items.size());
    std::string page_target = fmt::format("{}{}limit={}", target, joint, limit);
    if (!after.empty()) page_target += "&after=" + net::percent_encode(after);
    FM_ASSIGN(const json::value page, get(page_target));
    JsonReader reader(page, "page");
    const json::array& part = reader.list("items");
    std::string next = reader.text_or_empty("next");
    FM_TRY(reader.status());
    items.insert(items.end(), part.begin(), part.end());
    empty_pages = part.empty() ? empty_pages + 1 : 0;
    // A server that does not get on, or promises for ever, is not followed for ever.
    if (next.empty() || next == after || empty_pages > kEmptyPagesMax) break;
    after = std::move(next);
  }
  if (items.size() > items_max) items.resize(items_max);
  return items;
}

base::Status Api::stream(const std::string& target, const net::SseParser::OnEvent& on_event) {
  last_status_ = 0;
  net::HttpCall request;
  request.target = target;
  if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
  FM_ASSIGN(const net::HttpResponse reply, client_.stream(request, on_event));
  last_status_ = reply.status;
  if (reply.status != 200) return error_of(reply);
  return {};
}

}  // namespace framemill::cli
