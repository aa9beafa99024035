// A small table for people: columns as wide as their widest cell, the last ones cut when the line would not fit.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"

namespace framemill::cli {

enum class Align { Left, Right };

class Table {
 public:
  struct Column {
    std::string heading;
    Align align = Align::Left;
    bool may_be_cut = false;  // gives up width first when the line is wider than the terminal
  };
  struct Cell {
    std::string text;
    Tone tone = Tone::Plain;
    Cell(std::string value, Tone colour = Tone::Plain) : text(std::move(value)), tone(colour) {}  // NOLINT: implicit
    Cell(const char* value) : text(value) {}                                                      // NOLINT: implicit
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> cells);  // as many as there are columns
  bool empty() const { return rows_.empty(); }
  // Heading and rows, each line with its line feed, no blanks at line ends. Off a terminal nothing is cut.
  std::string text(const Terminal& terminal) const;

 private:
  std::vector<std::size_t> widths(const Terminal& terminal) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace framemill::cli
