#include "monitoring/sheet_layout.h"

#include <fmt/format.h>

#include <algorithm>

namespace framemill::monitoring {
namespace {

constexpr int kMargin = 40, kGap = 12;
constexpr int kTitleSize = 30, kBodySize = 16, kSectionSize = 18, kCaptionSize = 14;
constexpr int kTimelineHeight = 3, kTickHeight = 11, kTickWidth = 3;
constexpr int kCaptionGap = 6, kTimelineRoom = kCaptionGap + kTickHeight;  // below a picture
constexpr int kRowGap = 14, kSectionGap = 34;

// A tile before it has a place.
struct Cell {
  std::size_t strip = 0;
  jobs::Frame frame = 0, last = 0;
  TileState state = TileState::Present;
  std::string caption;
};

TileState state_of(const SheetStrip& strip, jobs::Frame frame) {
  if (strip.present.contains(frame)) return TileState::Present;
  return strip.failed.contains(frame) ? TileState::Failed : TileState::Missing;
}

std::string range_text(jobs::Frame first, jobs::Frame last) {
  return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

// The last position of the run of frames in one state that begins at position `index`.
std::int64_t run_end(const SheetStrip& strip, std::int64_t index) {
  const TileState state = state_of(strip, strip.frames.nth(index));
  while (index + 1 < strip.frames.count() && state_of(strip, strip.frames.nth(index + 1)) == state) ++index;
  return index;
}

// A shot's tiles: the sampled frames, and a marked tile for every run of absent frames up to the next sample.
std::vector<Cell> cells_of_shot(const SheetStrip& strip, std::size_t index, int every) {
  std::vector<Cell> cells;
  const auto samples = sampled_frames(strip.frames, every);
  const std::set<jobs::Frame> sampled(samples.begin(), samples.end());
  const std::int64_t count = strip.frames.count();
  for (std::int64_t i = 0; i < count; ++i) {
    const jobs::Frame frame = strip.frames.nth(i);
    const TileState state = state_of(strip, frame);
    if (state == TileState::Present) {
      if (sampled.contains(frame)) cells.push_back({index, frame, frame, state, range_text(frame, frame)});
      continue;
    }
    while (i + 1 < count && !sampled.contains(strip.frames.nth(i + 1)) &&
           state_of(strip, strip.frames.nth(i + 1)) == state)
      ++i;
    if (static_cast<std::int64_t>(cells.size()) >= 2 * kSheetTilesMax) i = count - 1;  // one tile for all the rest
    const jobs::Frame last = strip.frames.nth(i);
    cells.push_back({index, frame, last, state, range_text(frame, last)});
  }
  return cells;
}

std::string name_of_board(const SheetStrip& strip) {
  return strip.seed ? fmt::format("seed {}", *strip.seed) : fmt::format("variant {}", strip.variant);
}

// A board is judged by one picture: the middle frame of its window. Any absent frame marks it.
Cell cell_of_board(const SheetStrip& strip, std::size_t index) {
  Cell cell{index, 0, 0, TileState::Missing, name_of_board(strip)};
  if (strip.frames.empty()) return cell;
  cell.frame = cell.last = strip.frames.nth(strip.frames.count() / 2);
  cell.state = TileState::Present;
  for (std::int64_t i = 0; i < strip.frames.count(); ++i) {
    const jobs::Frame frame = strip.frames.nth(i);
    const TileState state = state_of(strip, frame);
    if (state == TileState::Present) continue;
    cell.frame = frame;
    cell.state = state;
    cell.last = strip.frames.nth(run_end(strip, i));
    cell.caption += fmt::format("  {}", range_text(cell.frame, cell.last));
    break;
  }
  if (strip.chosen) cell.caption += "  chosen";
  return cell;
}

std::string shortened(const std::string& text, int size, int width) {
  // DejaVu Sans takes about 0.6 em for a letter; the estimate only has to be on the safe side.
  const auto most = static_cast<std::size_t>(std::max(4.0, width / (size * 0.62)));
  if (text.size() <= most) return text;
  std::size_t cut = most - 3;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;  // not inside a letter
  return text.substr(0, cut) + "...";
}

// The strips first..end-1 that stand together: the variants of one layer, or one shot.
struct Section {
  std::size_t first = 0, end = 0;
  bool boards() const { return end - first > 1; }
};

std::vector<Section> sections_of(const SheetContent& content) {
  std::vector<Section> sections;
  for (std::size_t i = 0; i < content.strips.size(); ++i) {
    if (sections.empty() || content.strips[sections.back().first].layer_index != content.strips[i].layer_index ||
        content.strips[sections.back().first].layer != content.strips[i].layer)
      sections.push_back({i, i});
    sections.back().end = i + 1;
  }
  return sections;
}

// As many columns as give even rows, between 6 and 8.
int columns_for(std::size_t longest) {
  if (longest <= static_cast<std::size_t>(kSheetColumnsMax)) return std::max(4, static_cast<int>(longest));
  int best = kSheetColumnsMax;
  std::size_t fewest_empty = SIZE_MAX;
  for (int columns = kSheetColumnsMax; columns >= 6; --columns) {
    const auto n = static_cast<std::size_t>(columns);
    const std::size_t empty = (n - longest % n) % n;
    if (empty < fewest_empty) best = columns, fewest_empty = empty;
  }
  return best;
}

class Builder {
 public:
  Builder(const SheetContent& content, const SheetOptions& options) : content_(content) {
    const int picture_width = options.picture_width > 0 ? options.picture_width : options.tile_width;
    const int picture_height = options.picture_width > 0 ? options.picture_height : options.tile_width;
    // Small pictures are enlarged by a whole number, so that every pixel stays square and sharp.
    tile_width_ = picture_width < options.tile_width
                      ? picture_width * ((options.tile_width + picture_width - 1) / picture_width)
                      : options.tile_width;
    tile_height_ = std::max(1, tile_width_ * picture_height / picture_width);
  }

  SheetLayout build(int every) {
    const auto sections = sections_of(content_);
    std::vector<std::vector<Cell>> cells;
    std::size_t longest = 1;
    for (const Section& section : sections) {
      cells.push_back(cells_of(section, every));
      longest = std::max(longest, cells.back().size());
    }
    columns_ = columns_for(longest);
    layout_.width = 2 * kMargin + columns_ * tile_width_ + (columns_ - 1) * kGap;
    header();
    for (std::size_t i = 0; i < sections.size(); ++i) {
      section_head(sections[i]);
      place(sections[i], cells[i]);
    }
    layout_.height = y_ + kMargin - kRowGap;
    return std::move(layout_);
  }

 private:
  std::vector<Cell> cells_of(const Section& section, int every) const {
    if (!section.boards()) return cells_of_shot(content_.strips[section.first], section.first, every);
    std::vector<Cell> cells;
    for (std::size_t i = section.first; i < section.end; ++i) cells.push_back(cell_of_board(content_.strips[i], i));
    return cells;
  }

  void text(int x, int baseline, int size, TextRole role, const std::string& words, int width) {
    layout_.texts.push_back({x, baseline, size, shortened(words, size, width), role});
  }

  int column_x(int column) const { return kMargin + column * (tile_width_ + kGap); }
  int inner_width() const { return layout_.width - 2 * kMargin; }

  // Show, shots and version; the first prompt; the models.
  void header() {
    std::string shots, models;
    std::uint32_t version = 0;
    const auto add_once = [](std::string& list, const std::string& word_to_add) {
      if (!word_to_add.empty() && (", " + list + ",").find(", " + word_to_add + ",") == std::string::npos)
        list += (list.empty() ? "" : ", ") + word_to_add;
    };
    for (const SheetStrip& strip : content_.strips) {
      add_once(shots, strip.shot);
      if (!strip.model.empty()) add_once(models, fmt::format("{}  {}", strip.model, strip.model_digest.substr(0, 16)));
      version = std::max(version, strip.version);
    }
    y_ = kMargin + kTitleSize;
    text(kMargin, y_, kTitleSize, TextRole::Title, fmt::format("{}   {}   v{:03}", content_.show, shots, version),
         inner_width());
    y_ += 30;
    text(kMargin, y_, kBodySize, TextRole::Body, content_.strips.empty() ? "" : content_.strips.front().prompt,
         inner_width());
    y_ += 24;
    text(kMargin, y_, kCaptionSize, TextRole::Caption, models, inner_width());
    const bool joins = std::any_of(content_.strips.begin(), content_.strips.end(),
                                   [](const SheetStrip& strip) { return !strip.window_joins.empty(); });
    if (joins) {  // what the ticks mean
      const int x = column_x(columns_ - 1);
      layout_.ticks.push_back({x, y_ - kTickHeight, kTickWidth, kTickHeight});
      text(x + 12, y_, kCaptionSize, TextRole::Caption, "a window begins", tile_width_ - 12);
    }
    y_ += 18;
    layout_.rules.push_back({kMargin, y_, inner_width(), 1});
  }

  void section_head(const Section& section) {
    const SheetStrip& strip = content_.strips[section.first];
    std::int64_t wanted = 0, shown = 0;
    for (std::size_t i = section.first; i < section.end; ++i) {
      wanted += content_.strips[i].frames.count();
      shown += static_cast<std::int64_t>(content_.strips[i].present.size());
    }
    y_ += kSectionGap + 4;
    text(kMargin, y_, kSectionSize, TextRole::Section, fmt::format("{}  {}", strip.shot, strip.layer),
         column_x(2) - kMargin - kGap);
    std::string frames = "frames " + strip.frames.text();
    if (section.boards())
      frames = fmt::format("{} variants, {}", section.end - section.first, frames);
    else if (strip.seed)
      frames += fmt::format(", seed {}", *strip.seed);
    text(column_x(2), y_, kCaptionSize, TextRole::Caption, frames, layout_.width - kMargin - column_x(2));
    y_ += 8;
    if (shown < wanted) {
      y_ += 16;
      text(kMargin, y_, kCaptionSize, TextRole::Bad,
           fmt::format("{} of {} frames are not there", wanted - shown, wanted), inner_width());
      y_ += 6;
    }
    if (section.first > 0 && strip.prompt != content_.strips.front().prompt && !strip.prompt.empty()) {
      y_ += 16;
      text(kMargin, y_, kCaptionSize, TextRole::Caption, strip.prompt, inner_width());
      y_ += 6;
    }
    y_ += 8;
  }

  void place(const Section& section, const std::vector<Cell>& cells) {
    const int below = section.boards() ? kCaptionGap : kTimelineRoom;
    const int step_y = tile_height_ + below + kCaptionSize + 6 + kRowGap;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const int column = static_cast<int>(i) % columns_, row = static_cast<int>(i) / columns_;
      const Cell& cell = cells[i];
      const SheetStrip& strip = content_.strips[cell.strip];
      const Rect picture{column_x(column), y_ + row * step_y, tile_width_, tile_height_};
      layout_.tiles.push_back(
          {picture, cell.strip, cell.frame, cell.last, cell.state, section.boards() && strip.chosen});
      const int caption = picture.bottom() + below + kCaptionSize;
      // That a picture is not there comes first: what follows may be cut at the tile's edge.
      std::string words = cell.caption;
      if (cell.state != TileState::Present) words = fmt::format("{}  {}", word(cell.state), cell.caption);
      text(picture.x, caption, kCaptionSize, cell.state == TileState::Present ? TextRole::Caption : TextRole::Bad,
           words, tile_width_);
      if (!section.boards()) {
        const bool last = i + 1 == cells.size();
        time_line(strip, picture, cell, last ? strip.frames.last() + 1 : cells[i + 1].frame);
      }
    }
    const int rows = (static_cast<int>(cells.size()) + columns_ - 1) / columns_;
    y_ += rows * step_y;
  }

  // The line below a tile stands for the time until the next tile's frame; a tick shows where a window begins.
  void time_line(const SheetStrip& strip, const Rect& picture, const Cell& cell, jobs::Frame next) {
    const int y = picture.bottom() + 6 + (kTickHeight - kTimelineHeight) / 2;
    layout_.rules.push_back({picture.x, y, picture.width, kTimelineHeight});
    const std::int64_t span = std::max<std::int64_t>(1, std::int64_t{next} - cell.frame);
    for (const jobs::Frame join : strip.window_joins) {
      if (join < cell.frame || join >= next) continue;
      const auto offset = static_cast<int>((std::int64_t{join} - cell.frame) * picture.width / span);
      layout_.ticks.push_back({picture.x + offset, picture.bottom() + 6, kTickWidth, kTickHeight});
    }
  }

  const SheetContent& content_;
  SheetLayout layout_;
  int tile_width_ = 0, tile_height_ = 0, columns_ = 1, y_ = 0;
};

}  // namespace

std::string_view word(TileState state) {
  return state == TileState::Failed ? "failed" : state == TileState::Missing ? "missing" : "";
}

std::vector<jobs::Frame> sampled_frames(const jobs::FrameSet& frames, int every) {
  std::vector<jobs::Frame> samples;
  std::int64_t step = std::max(1, every);
  while (frames.count() / step > kSheetTilesMax) step *= 2;
  for (std::int64_t i = 0; i < frames.count(); i += step) samples.push_back(frames.nth(i));
  return samples;
}

SheetLayout lay_out_sheet(const SheetContent& content, const SheetOptions& options) {
  return Builder(content, options).build(options.every);
}

}  // namespace framemill::monitoring
