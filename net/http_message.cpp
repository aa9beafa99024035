#include "net/http_message.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/text.h"

namespace framemill::net {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr std::size_t kQueryKeysMax = 64;

}  // namespace

const std::string* find_header(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key.size() != name.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < name.size() && same; ++i) same = lower(key[i]) == lower(name[i]);
    if (same) return &value;
  }
  return nullptr;
}

base::Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) {
      c = ' ';
    } else if (c == '%') {
      const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return base::Error{"http.bad_encoding", "a '%' without two hexadecimal digits", "", ""};
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return base::Error{"http.bad_encoding", "a zero byte in the address", "", ""};
    out += c;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain =
        (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

base::Result<std::map<std::string, std::string>> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    FM_ASSIGN(std::string key, percent_decode(pair.substr(0, equals), true));
    FM_ASSIGN(std::string value, percent_decode(pair.substr(std::min(equals + 1, pair.size())), true));
    if (query.size() == kQueryKeysMax) return base::Error{"http.bad_query", "more than 64 keys in the query", "", ""};
    if (!query.emplace(key, std::move(value)).second) {
      return base::Error{"http.bad_query", "the key comes twice in the query", key, ""};
    }
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
