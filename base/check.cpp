#include "base/check.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "base/check_handler.h"

namespace framemill::base {
namespace {

std::atomic<CheckHandler> handler{nullptr};
thread_local int throwing_scopes = 0;

}  // namespace

ChecksThrowHere::ChecksThrowHere() {
  ++throwing_scopes;
}
ChecksThrowHere::~ChecksThrowHere() {
  --throwing_scopes;
}

CheckHandler set_check_handler(CheckHandler next) {
  return handler.exchange(next);
}

void check_failed(const char* file, int line, const char* expression, std::string_view message) {
  const std::string text = fmt::format("broken invariant at {}:{}: {}: {}", file, line, expression, message);
  if (throwing_scopes > 0) throw BrokenInvariant(text);
  if (const CheckHandler handle = handler.load()) handle(text);
  std::fprintf(stderr, "framemill: %s\n", text.c_str());
  std::abort();
}

}  // namespace framemill::base
