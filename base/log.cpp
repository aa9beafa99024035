#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

#include "base/text.h"

namespace framemill::base {
namespace {

constexpr std::size_t kMessageBytesMax = 16 << 10;

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
    case LogLevel::Off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

// The sd-daemon prefixes of sd-daemon(3).
const char* journal_prefix(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return "<7>";
    case LogLevel::Info:
      return "<6>";
    case LogLevel::Warning:
      return "<4>";
    case LogLevel::Error:
    case LogLevel::Off:
      return "<3>";
  }
  return "<6>";
}

struct Sink {
  bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("framemill", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  Sink() {
    logger->set_pattern(journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %-7l %v");
    logger->flush_on(spdlog::level::debug);
  }
};

Sink& sink() {
  static Sink instance;
  return instance;
}

}  // namespace

void set_log_level(LogLevel least) {
  sink().logger->set_level(spdlog_level(least));
}
bool log_enabled(LogLevel level) {
  return sink().logger->should_log(spdlog_level(level));
}

void log_line(LogLevel level, std::string_view component, std::string_view message) {
  Sink& s = sink();
  // Names and reasons of people, messages of programs and libraries: none of them may end the line and begin another.
  s.logger->log(spdlog_level(level), "{}{}: {}", s.journal ? journal_prefix(level) : "", component,
                clean_text(message, kMessageBytesMax));
}

}  // namespace framemill::base
