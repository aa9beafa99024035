// Which handler a method and a path belong to: patterns such as /api/v1/jobs/{job}/tasks. Values are of any type; the
// HTTP API stores its handlers here and its test reads the table back. Immutable once built; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/http_message.h"

namespace framemill::net {

using PathParameters = std::map<std::string, std::string, std::less<>>;  // decoded

// The segments between the slashes, not decoded; "/" has none. Repeated and trailing slashes make empty segments.
std::vector<std::string_view> split_path(std::string_view path);
// Whether the path has the pattern's shape; if so `parameters` (may be null) gets the decoded {names}. An empty segment
// and one with a bad encoding or a decoded slash never match a {name}.
bool match_path(std::string_view pattern, std::string_view path, PathParameters* parameters);

template <class Value>
class Router {
 public:
  struct Route {
    std::string method;
    std::string pattern;
    Value value;
  };
  struct Match {
    const Route* route = nullptr;  // null: see `allow`
    PathParameters parameters;
    std::string allow;  // the methods the path has ("GET, POST"); empty: there is no such path
    // 404 or 405; only where there is no route.
    int status() const { return allow.empty() ? 404 : 405; }
  };

  void add(std::string method, std::string pattern, Value value) {
    for (const Route& route : routes_) {
      FM_CHECK(route.method != method || route.pattern != pattern,
               "a route was added twice: " + method + " " + pattern);
    }
    routes_.push_back({std::move(method), std::move(pattern), std::move(value)});
  }

  // A literal segment wins over a {name}, because routes are tried in the order added and literal ones come first
  // there.
  Match match(std::string_view method, std::string_view path) const {
    Match match;
    for (const Route& route : routes_) {
      PathParameters parameters;
      if (!match_path(route.pattern, path, &parameters)) continue;
      if (route.method == method || (method == "HEAD" && route.method == "GET")) {
        match.route = &route;
        match.parameters = std::move(parameters);
        return match;
      }
      match.allow += (match.allow.empty() ? "" : ", ") + route.method;
    }
    return match;
  }

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace framemill::net
