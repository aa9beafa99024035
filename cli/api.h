// The scheduler's HTTP interface as calls that give JSON: bearer token, errors of the house, pages put together. One
// thread; each call blocks, for a bounded time.
//
// Errors: those of the server, net.*, http.*.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/json_reader.h"
#include "net/http_client.h"

namespace framemill::cli {

// "?a=b&c=d" from pairs; those with an empty value are left out.
std::string query_text(const std::vector<std::pair<std::string, std::string>>& pairs);

class Api {
 public:
  // `keep_going` turns false on Ctrl-C. An empty token sends none.
  static base::Result<Api> open(const std::string& server, std::string token, std::function<bool()> keep_going);

  base::Result<json::value> get(const std::string& target);
  base::Result<json::value> post(const std::string& target, const json::value& body,
                                 const net::HttpHeaders& headers = {});
  // The items of all pages, as one list of at most `items_max`. `target` may have a query.
  base::Result<json::array> get_pages(const std::string& target, std::size_t items_max);
  // Events until on_event returns false.
  base::Status stream(const std::string& target, const net::SseParser::OnEvent& on_event);

  // For answers that take longer than others: a copy of the store.
  void wait_up_to(base::Duration time) { client_.wait_up_to(time); }

  // Status of the last reply: 0 when none came. With it an error becomes an exit code.
  int last_status() const { return last_status_; }
  // `errors` of the last reply, where it was an error about a spec.
  const json::array& last_spec_errors() const { return last_spec_errors_; }

 private:
  explicit Api(net::HttpClient client) : client_(std::move(client)) {}
  // Asks again, a few times, where the server was too busy to do anything.
  base::Result<json::value> call(net::HttpCall call);
  bool wait(base::Duration time) const;  // false: stopped meanwhile
  base::Error error_of(const net::HttpResponse& reply);

  net::HttpClient client_;
  std::string token_;
  std::function<bool()> keep_going_;
  int last_status_ = 0;
  json::array last_spec_errors_;
};

}  // namespace framemill::cli
