#include "monitoring/sheet_layout.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace framemill;
using namespace framemill::monitoring;

namespace {

SheetStrip strip(const std::string& layer, std::uint32_t index, std::uint32_t variant, jobs::Frame first,
                 jobs::Frame last) {
  SheetStrip s;
  s.shot = "hb_0010";
  s.layer = layer;
  s.layer_index = index;
  s.variant = variant;
  s.seed = 40 + variant;
  s.version = 1;
  s.prompt = "calm harbor";
  s.model = "demo-clips@1";
  s.model_digest = std::string(64, 'a');
  s.frames = jobs::FrameSet(first, last);
  for (jobs::Frame f = first; f <= last; ++f) s.present.insert(f);
  return s;
}

SheetContent demo() {
  SheetContent content{"harbor", {}};
  for (std::uint32_t v = 0; v < 6; ++v) content.strips.push_back(strip("boards", 0, v, 1001, 1016));
  content.strips[3].chosen = true;
  content.strips.push_back(strip("shot_a", 1, 0, 993, 1104));
  content.strips.push_back(strip("shot_b", 2, 0, 993, 1104));
  return content;
}

const SheetOptions kOptions{8, 192, 64, 64};

bool overlap(const Rect& a, const Rect& b) {
  return a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom();
}

bool says(const SheetLayout& layout, const std::string& words) {
  return std::any_of(layout.texts.begin(), layout.texts.end(),
                     [&](const SheetText& t) { return t.text.find(words) != std::string::npos; });
}

std::vector<jobs::Frame> frames_of(const SheetLayout& layout, std::size_t strip_index) {
  std::vector<jobs::Frame> frames;
  for (const auto& tile : layout.tiles)
    if (tile.strip == strip_index) frames.push_back(tile.frame);
  return frames;
}

}  // namespace

TEST_CASE("boards stand in one row, one tile for each seed, the chosen one framed") {
  const auto layout = lay_out_sheet(demo(), kOptions);
  std::vector<SheetTile> boards;
  for (const auto& tile : layout.tiles)
    if (tile.strip < 6) boards.push_back(tile);
  REQUIRE(boards.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(boards[i].picture.y == boards[0].picture.y);
    CHECK(boards[i].framed == (i == 3));
    CHECK(says(layout, "seed " + std::to_string(40 + i)));
  }
}

TEST_CASE("what no model made has no seed") {
  SheetContent content = demo();
  for (SheetStrip& strip : content.strips) strip.seed.reset();
  const auto layout = lay_out_sheet(content, kOptions);
  for (const SheetText& text : layout.texts) CHECK_THAT(text.text, !Catch::Contains("seed"));
  CHECK(says(layout, "variant 3"));
  CHECK(says(layout, "frames " + content.strips[6].frames.text()));
}

TEST_CASE("a shot shows every eighth frame with its number") {
  const auto layout = lay_out_sheet(demo(), kOptions);
  const auto frames = frames_of(layout, 6);
  REQUIRE(frames.size() == 14);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    CHECK(frames[i] == 993 + 8 * static_cast<int>(i));
    CHECK(says(layout, std::to_string(frames[i])));
  }
}

TEST_CASE("tiles are at least as wide as asked, whole multiples of the picture, inside the sheet and apart") {
  const auto layout = lay_out_sheet(demo(), kOptions);
  for (std::size_t i = 0; i < layout.tiles.size(); ++i) {
    const Rect& r = layout.tiles[i].picture;
    CHECK(r.width == 192);
    CHECK(r.height == 192);
    CHECK(r.x >= 0);
    CHECK(r.right() <= layout.width);
    CHECK(r.bottom() < layout.height);
    for (std::size_t k = i + 1; k < layout.tiles.size(); ++k) CHECK_FALSE(overlap(r, layout.tiles[k].picture));
  }
  const auto odd = lay_out_sheet(demo(), {8, 192, 80, 45});
  CHECK(odd.tiles[0].picture.width == 240);
  CHECK(odd.tiles[0].picture.height == 135);
  const auto large = lay_out_sheet(demo(), {8, 192, 1920, 1080});
  CHECK(large.tiles[0].picture.width == 192);
  CHECK(large.tiles[0].picture.height == 108);
}

TEST_CASE("the header shows show, shot, version, prompt and model digest") {
  const auto layout = lay_out_sheet(demo(), kOptions);
  CHECK(says(layout, "harbor   hb_0010   v001"));
  CHECK(says(layout, "calm harbor"));
  CHECK(says(layout, "demo-clips@1  aaaaaaaaaaaaaaaa"));
}

TEST_CASE("a tick marks where a window joins, in proportion to time") {
  auto content = demo();
  content.strips[6].window_joins = {1001, 1013};  // at the start of the second tile, in the middle of the third
  const auto layout = lay_out_sheet(content, kOptions);
  REQUIRE(layout.ticks.size() == 3);
  CHECK(says(layout, "a window begins"));  // the header's tick
  std::vector<Rect> tiles;
  for (const auto& tile : layout.tiles)
    if (tile.strip == 6) tiles.push_back(tile.picture);
  CHECK(layout.ticks[1].x == tiles[1].x);
  CHECK(layout.ticks[2].x == tiles[2].x + 96);
  CHECK(layout.ticks[2].y > tiles[2].bottom());
}

TEST_CASE("frames that are not there are marked and counted, also between two samples") {
  auto content = demo();
  SheetStrip& shot = content.strips[6];
  for (const jobs::Frame f : {1001, 1002, 1003}) shot.present.erase(f);  // a sample and what follows it
  for (const jobs::Frame f : {1013, 1014}) {                             // between two samples
    shot.present.erase(f);
  }
  shot.failed = jobs::FrameSet(1013, 1014);
  const auto layout = lay_out_sheet(content, kOptions);
  std::vector<SheetTile> marked;
  for (const auto& tile : layout.tiles)
    if (tile.state != TileState::Present) marked.push_back(tile);
  REQUIRE(marked.size() == 2);
  CHECK(marked[0].state == TileState::Missing);
  CHECK(marked[0].frame == 1001);
  CHECK(marked[0].last == 1003);
  CHECK(marked[1].state == TileState::Failed);
  CHECK(marked[1].frame == 1013);
  CHECK(marked[1].last == 1014);
  CHECK(says(layout, "missing  1001-1003"));
  CHECK(says(layout, "failed  1013-1014"));
  CHECK(says(layout, "5 of 112 frames are not there"));
}

TEST_CASE("a board with any frame absent is marked") {
  auto content = demo();
  content.strips[2].present.erase(1016);
  const auto layout = lay_out_sheet(content, kOptions);
  CHECK(layout.tiles[2].state == TileState::Missing);
  CHECK(layout.tiles[1].state == TileState::Present);
}

TEST_CASE("however narrow the tile, a chosen board that is not there says so first") {
  auto content = demo();
  for (SheetStrip& strip : content.strips) strip.chosen = true;
  content.strips[2].present.clear();
  content.strips[3].present.clear();
  content.strips[3].failed = content.strips[3].frames;
  SheetOptions narrow = kOptions;
  narrow.tile_width = 96;
  narrow.picture_width = narrow.picture_height = 96;
  const auto layout = lay_out_sheet(content, narrow);
  int missing = 0, failed = 0;
  for (const SheetText& text : layout.texts) {
    missing += text.role == TextRole::Bad && text.text.starts_with("missing");
    failed += text.role == TextRole::Bad && text.text.starts_with("failed");
  }
  CHECK(missing == 1);
  CHECK(failed == 1);
}

TEST_CASE("a very long shot is sampled more coarsely, and one without any frame stays bounded") {
  CHECK(sampled_frames(jobs::FrameSet(1, 9'000'000), 8).size() <= 2 * kSheetTilesMax);
  SheetContent content{"harbor", {strip("comp", 0, 0, 1, 20'000)}};
  content.strips[0].present.clear();
  for (jobs::Frame f = 1; f <= 20'000; f += 2) content.strips[0].present.insert(f);  // every second one
  const auto layout = lay_out_sheet(content, kOptions);
  CHECK(layout.tiles.size() <= 2 * kSheetTilesMax + 1);
  CHECK(layout.tiles.back().last == 20'000);  // nothing is left out
}

TEST_CASE("an empty sheet has a header and no tile") {
  const auto layout = lay_out_sheet({"harbor", {}}, kOptions);
  CHECK(layout.tiles.empty());
  CHECK(layout.height > 0);
}

TEST_CASE("long prompts are cut at the sheet's edge, between letters") {
  auto content = demo();
  content.strips[0].prompt.clear();
  for (int i = 0; i < 400; ++i) content.strips[0].prompt += "\xc3\xa9";
  const auto layout = lay_out_sheet(content, kOptions);
  for (const auto& text : layout.texts) {
    CHECK(text.text.size() * static_cast<std::size_t>(text.size) < static_cast<std::size_t>(layout.width) * 2);
    if (text.text.ends_with("...") && text.text.size() > 3)
      CHECK((static_cast<unsigned char>(text.text[text.text.size() - 4]) & 0xc0) == 0x80);  // a whole letter
  }
}
