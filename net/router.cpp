#include "net/router.h"

namespace framemill::net {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  if (!path.empty() && path[0] == '/') path.remove_prefix(1);
  if (path.empty()) return segments;
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == path.npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool match_path(std::string_view pattern, std::string_view path, PathParameters* parameters) {
  const auto wanted = split_path(pattern);
  const auto given = split_path(path);
  if (wanted.size() != given.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string_view name = wanted[i];
    const bool is_parameter = name.size() > 2 && name.front() == '{' && name.back() == '}';
    if (!is_parameter) {
      if (name != given[i]) return false;
      continue;
    }
    auto value = percent_decode(given[i], false);
    if (!value.ok() || value->empty() || value->find('/') != std::string::npos) return false;
    if (parameters != nullptr) (*parameters)[std::string(name.substr(1, name.size() - 2))] = *std::move(value);
  }
  return true;
}

}  // namespace framemill::net
