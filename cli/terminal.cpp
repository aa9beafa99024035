#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace framemill::cli {
namespace {

bool names_utf8(const std::string& locale) {
  for (const char* form : {"UTF-8", "utf-8", "UTF8", "utf8"})
    if (locale.find(form) != std::string::npos) return true;
  return false;
}

// POSIX order: LC_ALL, then LC_CTYPE, then LANG; the first one that is set decides.
bool locale_is_utf8(const Environment& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const std::string locale = environment(name); !locale.empty()) return names_utf8(locale);
  return false;
}

const char* escape_of(Tone tone) {
  switch (tone) {
    case Tone::Plain:
      return "";
    case Tone::Strong:
      return "\x1b[1m";
    case Tone::Faint:
      return "\x1b[2m";
    case Tone::Good:
      return "\x1b[32m";
    case Tone::Busy:
      return "\x1b[36m";
    case Tone::Warning:
      return "\x1b[33m";
    case Tone::Bad:
      return "\x1b[31m";
  }
  return "";
}

}  // namespace

Terminal detect_terminal(int descriptor, const Environment& environment) {
  Terminal terminal;
  const std::string kind = environment("TERM");
  terminal.interactive = ::isatty(descriptor) == 1 && kind != "dumb" && !kind.empty();
  terminal.colour = terminal.interactive && environment("NO_COLOR").empty();
  terminal.utf8 = locale_is_utf8(environment);
  if (terminal.interactive) refresh_size(terminal, descriptor);
  return terminal;
}

void refresh_size(Terminal& terminal, int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) return;
  if (size.ws_col > 0) terminal.width = size.ws_col;
  if (size.ws_row > 0) terminal.height = size.ws_row;
}

std::string paint(const Terminal& terminal, Tone tone, std::string_view text) {
  if (!terminal.colour || tone == Tone::Plain || text.empty()) return std::string(text);
  return std::string(escape_of(tone)).append(text).append("\x1b[0m");
}

}  // namespace framemill::cli
