#include "worker/media/sheet_drawing.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <tuple>

#include "base/log.h"
#include "base/os_error.h"
#include "jobs/attempt_error.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/plate.h"
#include "worker/frames/staged_file.h"
#include "worker/media/canvas.h"

namespace framemill::media {
namespace {

using monitoring::Rect;
using monitoring::SheetContent;
using monitoring::SheetLayout;
using monitoring::SheetStrip;
using monitoring::SheetText;
using monitoring::SheetTile;
using monitoring::TextRole;
using monitoring::TileState;

// A neutral dark ground, so that the pictures' colours are judged against grey; blue and orange stay apart for every
// kind of colour vision, and every mark has a shape or a word beside its colour.
constexpr Colour kGround{24, 24, 26}, kTitle{240, 240, 242}, kBody{200, 200, 204}, kDim{145, 145, 151},
    kRule{58, 58, 62}, kTick{86, 180, 233}, kChosen{230, 159, 0}, kBad{240, 140, 90}, kBadGround{44, 34, 32},
    kBadLine{120, 76, 60}, kMissingGround{34, 34, 38};
constexpr int kPixelsMax = 200'000'000;

// The sheet's input, then its layer, variant and shot: an older scheduler numbers no inputs.
using FrameKey = std::tuple<std::uint32_t, std::string, std::uint32_t, std::string, jobs::Frame>;

using Inputs = std::map<FrameKey, const wire::InputFile*>;

Inputs inputs_by_frame(const wire::Grant& grant) {
  Inputs inputs;
  for (const wire::InputFile& input : grant.inputs())
    if (input.role() == wire::InputFile::FRAME)
      inputs[{input.input(), input.layer(), input.variant(), input.shot(), input.frame()}] = &input;
  return inputs;
}

FrameKey key_of(const SheetStrip& strip, jobs::Frame frame) {
  return {strip.input, strip.from_root ? std::string() : strip.layer, strip.variant, strip.shot, frame};
}

// The pictures that the sheet will show. A frame of the farm's own that cannot be read leaves its strip's present
// frames. A file from outside the farm that is there and is not a picture is an error, as it is for every other kind of
// layer: nobody else would tell.
class PictureSource {
 public:
  PictureSource(const Request& request, Inputs inputs) : request_(request), inputs_(std::move(inputs)) {}

  base::Result<std::optional<frames::Picture>> read(const SheetStrip& strip, jobs::Frame frame) const {
    const auto input = inputs_.find(key_of(strip, frame));
    if (input == inputs_.end()) return std::optional<frames::Picture>();
    auto plate = frames::read_plate(request_.roots, *input->second);
    if (plate.ok()) return std::optional(std::move(plate->picture));
    const bool from_outside = input->second->sha256().empty();
    if (from_outside && !is(plate, jobs::AttemptError::InputNotVisible)) return plate.error();
    // Storage that fails now has not lost the frame.
    if (base::is_of_system(plate.error())) return plate.error();
    base::log_warning("media", "{}", plate.error().message);
    return std::optional<frames::Picture>();
  }

 private:
  const Request& request_;
  const Inputs inputs_;
};

// A failed frame is crossed out; one that was never made is an empty frame. Either has its word in the middle.
base::Status draw_absent(Canvas& canvas, const Rect& r, TileState state) {
  const bool failed = state == TileState::Failed;
  canvas.fill(r.x, r.y, r.width, r.height, failed ? kBadGround : kRule);
  if (failed) {
    for (int thick = 0; thick < 2; ++thick) {
      canvas.line(r.x + thick, r.y, r.right() - 1, r.bottom() - 1 - thick, kBadLine);
      canvas.line(r.x, r.bottom() - 1 - thick, r.right() - 1 - thick, r.y, kBadLine);
    }
  } else {
    canvas.fill(r.x + 2, r.y + 2, r.width - 4, r.height - 4, kMissingGround);
  }
  const std::string words(monitoring::word(failed ? TileState::Failed : TileState::Missing));
  const int size = std::max(12, r.width / 12), width = Canvas::text_width(size, Face::Bold, words);
  const int x = r.x + (r.width - width) / 2, y = r.y + (r.height + size * 7 / 10) / 2;
  if (failed) canvas.fill(x - size / 2, y - size, width + size, size * 3 / 2, kBadGround);
  return canvas.text(x, y, size, Face::Bold, failed ? kBad : kDim, words);
}

void draw_frame(Canvas& canvas, const Rect& r, int thickness, Colour colour) {
  canvas.fill(r.x - thickness, r.y - thickness, r.width + 2 * thickness, thickness, colour);
  canvas.fill(r.x - thickness, r.bottom(), r.width + 2 * thickness, thickness, colour);
  canvas.fill(r.x - thickness, r.y, thickness, r.height, colour);
  canvas.fill(r.right(), r.y, thickness, r.height, colour);
}

base::Status draw_text(Canvas& canvas, const SheetText& text) {
  switch (text.role) {
    case TextRole::Title:
      return canvas.text(text.x, text.baseline, text.size, Face::Bold, kTitle, text.text);
    case TextRole::Body:
      return canvas.text(text.x, text.baseline, text.size, Face::Regular, kBody, text.text);
    case TextRole::Section:
      return canvas.text(text.x, text.baseline, text.size, Face::Bold, kBody, text.text);
    case TextRole::Caption:
      return canvas.text(text.x, text.baseline, text.size, Face::Regular, kDim, text.text);
    case TextRole::Bad:
      return canvas.text(text.x, text.baseline, text.size, Face::Regular, kBad, text.text);
  }
  return {};
}

frames::Attributes sheet_attributes(const SheetContent& content) {
  frames::Attributes attributes{{"framemill:show", content.show}};
  if (content.strips.empty()) return attributes;
  attributes.emplace_back("framemill:version", std::to_string(content.strips.front().version));
  attributes.emplace_back("framemill:model", content.strips.front().model);
  attributes.emplace_back("framemill:model_digest", content.strips.front().model_digest);
  return attributes;
}

// The first picture that can be read tells the size of all tiles.
base::Status measure(const PictureSource& source, const SheetContent& content, monitoring::SheetOptions& options) {
  for (const SheetStrip& strip : content.strips) {
    for (const jobs::Frame frame : strip.present) {
      FM_ASSIGN(const auto picture, source.read(strip, frame));
      if (!picture) continue;
      options.picture_width = picture->width;
      options.picture_height = picture->height;
      return {};
    }
  }
  return {};
}

// Reads what the layout shows. Frames that cannot be read are taken out of `content`; whether there were any.
base::Result<bool> read_tiles(const PictureSource& source, const SheetLayout& layout, SheetContent& content,
                              std::map<FrameKey, frames::Picture>& pictures, const Progress& progress) {
  bool all = true;
  for (std::size_t i = 0; i < layout.tiles.size(); ++i) {
    const SheetTile& tile = layout.tiles[i];
    SheetStrip& strip = content.strips[tile.strip];
    if (tile.state == TileState::Present && !pictures.contains(key_of(strip, tile.frame))) {
      FM_ASSIGN(auto picture, source.read(strip, tile.frame));
      if (picture) {
        pictures.emplace(key_of(strip, tile.frame), std::move(*picture));
      } else {
        strip.present.erase(tile.frame);
        all = false;
      }
    }
    progress(i, layout.tiles.size());
  }
  return all;
}

base::Result<Canvas> paint(const SheetContent& content, const SheetLayout& layout,
                           const std::map<FrameKey, frames::Picture>& pictures) {
  if (std::int64_t{layout.width} * layout.height > kPixelsMax)
    return base::Error{"media.size", fmt::format("a sheet of {} x {} pixels", layout.width, layout.height), "",
                       "show fewer frames with a larger 'every'"};
  Canvas canvas(layout.width, layout.height, kGround);
  for (const Rect& rule : layout.rules) canvas.fill(rule.x, rule.y, rule.width, rule.height, kRule);
  for (const Rect& tick : layout.ticks) canvas.fill(tick.x, tick.y, tick.width, tick.height, kTick);
  for (const SheetTile& tile : layout.tiles) {
    const Rect& r = tile.picture;
    const auto picture = pictures.find(key_of(content.strips[tile.strip], tile.frame));
    if (tile.state == TileState::Present && picture != pictures.end())
      canvas.place(picture->second, r.x, r.y, r.width, r.height);
    else
      FM_TRY(draw_absent(canvas, r, tile.state));
    if (tile.framed) draw_frame(canvas, r, 4, kChosen);
  }
  for (const SheetText& text : layout.texts) FM_TRY(draw_text(canvas, text));
  return canvas;
}

}  // namespace

base::Result<SheetContent> sheet_content(const wire::Grant& grant) {
  const wire::Recipe& recipe = grant.recipe();
  if (!recipe.has_sheet()) return base::Error{"media.request", "the request is not for a sheet", "", ""};
  const Inputs inputs = inputs_by_frame(grant);
  SheetContent content{recipe.show(), {}};
  for (const wire::SheetRow& row : recipe.sheet().rows()) {
    SheetStrip strip;
    strip.shot = row.shot();
    strip.layer = row.layer();
    strip.layer_index = row.layer_index();
    strip.variant = row.variant();
    if (!row.model().empty()) strip.seed = row.seed();
    strip.version = row.version();
    strip.prompt = row.prompt();
    strip.model = row.model();
    strip.model_digest =
        base::to_hex({reinterpret_cast<const std::uint8_t*>(row.model_digest().data()), row.model_digest().size()});
    if (!row.frames().empty()) {
      FM_ASSIGN(strip.frames, jobs::FrameSet::parse(row.frames()));
    }
    if (!row.failed_frames().empty()) {
      FM_ASSIGN(strip.failed, jobs::FrameSet::parse(row.failed_frames()));
    }
    strip.window_joins = {row.window_joins().begin(), row.window_joins().end()};
    strip.chosen = row.chosen();
    strip.input = row.input();
    strip.from_root = row.of_root();
    for (auto i = inputs.lower_bound(key_of(strip, INT32_MIN)), end = inputs.upper_bound(key_of(strip, INT32_MAX));
         i != end; ++i)
      strip.present.insert(std::get<4>(i->first));
    content.strips.push_back(std::move(strip));
  }
  return content;
}

base::Status draw_sheet(const Request& request, const Progress& progress) {
  const wire::Recipe& recipe = request.grant.recipe();
  FM_ASSIGN(SheetContent content, sheet_content(request.grant));
  FM_ASSIGN(const std::string name, frames::file_name_of(recipe.output_printf()));
  const PictureSource source(request, inputs_by_frame(request.grant));
  monitoring::SheetOptions options;
  options.every = std::clamp(recipe.sheet().every(), 1, 1'000'000);
  options.tile_width = std::clamp(recipe.sheet().tile() == 0 ? 192 : recipe.sheet().tile(), 64, 1024);
  FM_TRY(measure(source, content, options));

  std::map<FrameKey, frames::Picture> pictures;
  SheetLayout layout = monitoring::lay_out_sheet(content, options);
  // Laying out again moves tiles only where frames turned out to be unreadable; each turn takes some away.
  while (true) {
    FM_ASSIGN(const bool all, read_tiles(source, layout, content, pictures, progress));
    if (all) break;
    layout = monitoring::lay_out_sheet(content, options);
  }
  FM_ASSIGN(const Canvas canvas, paint(content, layout, pictures));
  FM_ASSIGN(const auto file, frames::encode_frame(canvas.picture(), jobs::FrameFormat::Png, sheet_attributes(content)));
  FM_ASSIGN(auto directory, frames::StagedDirectory::make(request.staging, request.grant.tasks().first()));
  FM_TRY(directory.write(name, file.bytes));
  FM_TRY(directory.sync());
  progress(1, 1);
  return {};
}

}  // namespace framemill::media
