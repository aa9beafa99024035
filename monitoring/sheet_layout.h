// A contact sheet as pure values: from what a version should show (layers, variants, frames, what is missing) to
// rectangles and texts with positions. Nothing is ever left out: a frame that should be there and is not becomes a
// marked tile, also when it is not one of the frames that the sheet samples. Drawing is done elsewhere
// (worker/media), so that a dashboard can draw the same sheet.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/frame_range.h"

namespace framemill::monitoring {

// One variant of one layer.
struct SheetStrip {
  std::string shot;
  std::string layer;
  std::uint32_t layer_index = 0;
  std::uint32_t variant = 0;
  std::optional<std::uint64_t> seed;  // what no model made has none
  std::uint32_t version = 0;
  std::string prompt;
  std::string model;
  std::string model_digest;               // hexadecimal
  jobs::FrameSet frames;                  // that should be there
  std::set<jobs::Frame> present;          // that can be shown
  jobs::FrameSet failed;                  // known to have failed; others that are absent are missing
  std::vector<jobs::Frame> window_joins;  // first frames of windows after the first
  bool chosen = false;                    // another layer starts from this variant
  std::uint32_t input = 0;                // which of the sheet's inputs it is
  bool from_root = false;                 // files of a root: `layer` is what the input is called
};

struct SheetContent {
  std::string show;
  std::vector<SheetStrip> strips;  // in order; neighbours of one layer with several variants stand in one row
};

struct SheetOptions {
  int every = 8;          // of a shot's frames
  int tile_width = 192;   // least width of a picture on the sheet
  int picture_width = 0;  // of the frames; 0 when none can be read
  int picture_height = 0;
};

struct Rect {
  int x = 0, y = 0, width = 0, height = 0;
  int right() const { return x + width; }
  int bottom() const { return y + height; }
  bool operator==(const Rect&) const = default;
};

enum class TextRole { Title, Body, Section, Caption, Bad };
struct SheetText {
  int x = 0, baseline = 0, size = 0;  // pixels
  std::string text;
  TextRole role = TextRole::Body;
};

enum class TileState { Present, Missing, Failed };
struct SheetTile {
  Rect picture;
  std::size_t strip = 0;  // index into SheetContent.strips
  jobs::Frame frame = 0;
  jobs::Frame last = 0;  // absent tiles: last frame of the run that this tile stands for
  TileState state = TileState::Present;
  bool framed = false;  // a chosen variant
};
std::string_view word(TileState state);  // "" "missing" "failed"

struct SheetLayout {
  int width = 0, height = 0;
  std::vector<SheetTile> tiles;
  std::vector<SheetText> texts;
  std::vector<Rect> rules;  // thin lines: under the header, time lines below tiles
  std::vector<Rect> ticks;  // window joins on the time lines
};

inline constexpr int kSheetColumnsMax = 8;
inline constexpr std::int64_t kSheetTilesMax = 512;  // per strip; a longer one is sampled more coarsely

SheetLayout lay_out_sheet(const SheetContent& content, const SheetOptions& options);

// The frames of a strip that the sheet samples: every n-th from the first, coarser where that would be too many.
std::vector<jobs::Frame> sampled_frames(const jobs::FrameSet& frames, int every);

}  // namespace framemill::monitoring
