// JSON as the program prints it: one valid UTF-8 document whatever the strings hold, and harmless on a terminal. Bytes
// that are no UTF-8 (file names) become U+FFFD; control characters, also those above ASCII, and marks that turn the
// direction of text are written as \u escapes, so that a program reads them as they were and a terminal obeys none.
// Pure; any thread.
#pragma once

#include <boost/json.hpp>

#include <string>

namespace framemill::cli {

std::string json_line(const boost::json::value& value);      // on one line, without a line feed
std::string json_document(const boost::json::value& value);  // indented, because people read it too; ends the line

}  // namespace framemill::cli
