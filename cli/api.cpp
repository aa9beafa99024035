#include "cli/api.h"

#include <fmt/format.h>

#include "cli/text.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kReplyBytesMax = 32 << 20;
constexpr int kPageItems = 1000;

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
  options.keep_going = std::move(keep_going);
  FM_ASSIGN(net::HttpClient client, net::HttpClient::open(server, std::move(options)));
  Api api(std::move(client));
  api.token_ = std::move(token);
  return api;
}

base::Error Api::error_of(const net::HttpResponse& reply) {
  base::Error error{
      fmt::format("http.status_{}", reply.status),
      fmt::format("the server answered {}", reply.status),
      {},
      "what answers there does not speak like Framemill's scheduler: see --server, and server in config.toml"};
  auto body = parse_json(reply.body);
  if (!body.ok()) return error;
  JsonReader reader(*body, "error");
  base::Error told{reader.text("code"), reader.text("message"), reader.text_or_empty("field"),
                   reader.text_or_empty("hint")};
  if (!reader.status().ok() || told.code.empty()) return error;
  // The server speaks of a header; here it is a file.
  if (told.code == "auth.missing") told.hint = "give --token-file FILE, or set token_file in config.toml";
  if (const json::value* errors = body->as_object().if_contains("errors"); errors && errors->is_array())
    last_spec_errors_ = errors->get_array();
  return told;
}

base::Result<json::value> Api::call(net::HttpCall call) {
  last_status_ = 0;
  last_spec_errors_.clear();
  if (!token_.empty()) call.headers.emplace_back("Authorization", "Bearer " + token_);
  auto reply = client_.send(call);
  if (!reply.ok()) return reply.error();
  last_status_ = reply->status;
  if (reply->status < 200 || reply->status > 299) return error_of(*reply);
  return parse_json(reply->body);
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
    // A page without items that promises another would be asked for for ever.
    if (next.empty() || part.empty()) break;
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
