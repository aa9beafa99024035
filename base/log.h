// Log lines for journald and for terminals: one line per event, "<level> component: message", on standard error.
// Under systemd (JOURNAL_STREAM set) lines carry the sd-daemon level prefix and no time, because the journal has its own.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace framemill::base {

enum class LogLevel { Debug, Info, Warning, Error, Off };  // Off: as a limit; nothing is logged at it

void set_log_level(LogLevel least);
bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view component, std::string_view message);

template <class... Args>
void log_debug(std::string_view component, fmt::format_string<Args...> text, Args&&... args) {
  if (log_enabled(LogLevel::Debug))
    log_line(LogLevel::Debug, component, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view component, fmt::format_string<Args...> text, Args&&... args) {
  if (log_enabled(LogLevel::Info)) log_line(LogLevel::Info, component, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(std::string_view component, fmt::format_string<Args...> text, Args&&... args) {
  log_line(LogLevel::Warning, component, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view component, fmt::format_string<Args...> text, Args&&... args) {
  log_line(LogLevel::Error, component, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace framemill::base
