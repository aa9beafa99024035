// What standard output can show: whether it is a terminal, its size, colours and UTF-8. Decided once at start from the
// descriptor and the environment, and passed on as a value, so that everything that prints is a pure function of it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace framemill::cli {

// Looks a variable of the environment up; an unset one is empty.
using Environment = std::function<std::string(const char* name)>;

struct Terminal {
  bool interactive = false;  // a terminal that understands cursor movement
  bool colour = false;       // interactive, NO_COLOR unset
  bool utf8 = false;         // by the locale's variables
  int width = 100;
  int height = 30;
};

Terminal detect_terminal(int descriptor, const Environment& environment);
// Asks the descriptor again (windows are resized); keeps the old size where it cannot tell.
void refresh_size(Terminal& terminal, int descriptor);

enum class Tone { Plain, Strong, Faint, Good, Busy, Warning, Bad };
// The text in the tone's colour, or as it is when the terminal shows none.
std::string paint(const Terminal& terminal, Tone tone, std::string_view text);

}  // namespace framemill::cli
