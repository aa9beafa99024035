#include "net/http_message.h"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/params_encoded_view.hpp>
#include <boost/url/parse_query.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <locale>

#include "base/text.h"

namespace framemill::net {

namespace {

namespace urls = boost::urls;

constexpr std::size_t kQueryKeysMax = 64;

}  // namespace

const std::string* find_header(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (boost::algorithm::iequals(key, name, std::locale::classic())) return &value;
  return nullptr;
}

base::Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  const auto encoded = urls::make_pct_string_view(text);
  if (!encoded) return base::Error{"http.bad_encoding", "a '%' without two hexadecimal digits", "", ""};
  std::string out = encoded->decode(urls::encoding_opts(plus_is_space));
  if (out.find('\0') != std::string::npos)
    return base::Error{"http.bad_encoding", "a zero byte in the address", "", ""};
  return out;
}

std::string percent_encode(std::string_view text) {
  return urls::encode(text, urls::unreserved_chars);
}

base::Result<std::map<std::string, std::string>> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  const auto params = urls::parse_query(text);
  if (!params)
    return base::Error{"http.bad_encoding", "a character in the query that must be percent-encoded, or a bad '%'", "",
                       ""};
  for (const urls::param_pct_view param : *params) {
    if (param.key.empty() && !param.has_value) continue;  // "a=1&&b=2"
    FM_ASSIGN(std::string key, percent_decode(param.key, true));
    FM_ASSIGN(std::string value, percent_decode(param.value, true));
    if (query.size() == kQueryKeysMax) return base::Error{"http.bad_query", "more than 64 keys in the query", "", ""};
    if (!query.emplace(key, std::move(value)).second)
      return base::Error{"http.bad_query", "the key comes twice in the query", key, ""};
  }
  return query;
}

HttpResponse error_response(int status, const base::Error& error) {
  boost::json::object body;
  body["code"] = base::valid_utf8(error.code);
  body["message"] = base::valid_utf8(error.message);
  body["field"] = base::valid_utf8(error.field);
  body["hint"] = base::valid_utf8(error.hint);
  HttpResponse response;
  response.status = status;
  response.body = boost::json::serialize(body) + "\n";
  return response;
}

}  // namespace framemill::net
