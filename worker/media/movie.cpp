#include "worker/media/movie.h"

#include <fmt/format.h>

#include <algorithm>

#include "worker/frames/frame_file.h"
#include "worker/frames/staged_file.h"
#include "worker/media/canvas.h"
#include "worker/media/ffmpeg_pipe.h"

namespace framemill::media {
namespace {

constexpr Colour kStrip{18, 18, 20}, kStripText{225, 225, 228}, kStripDim{150, 150, 156};
constexpr int kMovieExtentMax = 8192;

int even(int extent) {
  return extent + extent % 2;
}

// One field of the strip.
std::string field(const std::string& token, const wire::Recipe& recipe, const wire::InputFile& input) {
  if (token == "show") return recipe.show();
  if (token == "sequence") return recipe.sequence();
  if (token == "shot") return input.shot().empty() ? recipe.shot() : input.shot();
  if (token == "layer") return input.layer();
  if (token == "version") return fmt::format("v{:03}", input.version() != 0 ? input.version() : recipe.version());
  if (token == "frame") return fmt::format("{:04}", input.frame());
  return {};
}

// How a picture of this size is shown.
struct Page {
  int picture_width = 0, picture_height = 0;  // enlarged
  int strip_height = 0;                       // 0: no burn-in
  int width = 0, height = 0;
};

base::Result<Page> page_for(const frames::Picture& picture, const wire::EncodeRecipe& encode) {
  const int scale = std::clamp(encode.scale(), 1, 16);
  Page page;
  page.picture_width = picture.width * scale;
  page.picture_height = picture.height * scale;
  if (encode.burn_in_size() > 0) page.strip_height = even(std::clamp(page.picture_height / 14, 20, 64));
  page.width = even(page.picture_width);
  page.height = even(page.picture_height) + page.strip_height;
  if (page.width > kMovieExtentMax || page.height > kMovieExtentMax)
    return base::Error{
        "media.size",
        fmt::format("a movie of {} x {}; the limit is {} each way", page.width, page.height, kMovieExtentMax), "",
        "a smaller scale"};
  return page;
}

// Fields from the left, the last one (the frame, as people write the list) at the right edge.
base::Status draw_strip(Canvas& canvas, const Page& page, const wire::Recipe& recipe, const wire::InputFile& input) {
  const auto& tokens = recipe.encode().burn_in();
  const int size = page.strip_height * 11 / 20, baseline = page.height - page.strip_height / 2 + size * 7 / 20;
  const int margin = size;
  int x = margin;
  for (int i = 0; i < tokens.size(); ++i) {
    const std::string words = field(tokens[i], recipe, input);
    const bool last = i + 1 == tokens.size() && tokens.size() > 1;
    const Face face = tokens[i] == "frame" ? Face::Mono : Face::Regular;
    const int width = Canvas::text_width(size, face, words);
    FM_TRY(canvas.text(last ? std::max(x, page.width - margin - width) : x, baseline, size, face,
                       i == 0 || last ? kStripText : kStripDim, words));
    x += width + margin;
  }
  return {};
}

base::Result<frames::Picture> read_frame(const Request& request, const wire::InputFile& input) {
  const std::string label = fmt::format("frame {} of {} {}", input.frame(), input.shot(), input.layer());
  auto bytes = request.roots.read(input, frames::kFrameFileBytesMax);
  if (!bytes.ok()) return bytes.error().wrapped(label);
  auto decoded = frames::decode_frame(*bytes);
  if (!decoded.ok()) return decoded.error().wrapped(label);
  return std::move(decoded->picture);
}

}  // namespace

base::Status encode_movie(const Request& request, const Progress& progress) {
  const wire::Recipe& recipe = request.grant.recipe();
  if (!recipe.has_encode()) return base::Error{"media.request", "the request is not to encode", "", ""};
  if (recipe.encode().codec() != "h264")
    return base::Error{"media.codec", fmt::format("codec '{}' is not known; h264 is", recipe.encode().codec()), "", ""};
  std::vector<const wire::InputFile*> inputs;
  for (const wire::InputFile& input : request.grant.inputs())
    if (input.role() == wire::InputFile::FRAME) inputs.push_back(&input);
  if (inputs.empty()) return base::Error{"media.empty", "there are no frames to encode", "", ""};
  FM_ASSIGN(const std::string name, frames::file_name_of(recipe.output_printf()));
  FM_ASSIGN(auto directory, frames::StagedDirectory::make(request.staging, request.grant.tasks().first()));

  FM_ASSIGN(frames::Picture picture, read_frame(request, *inputs.front()));
  FM_ASSIGN(const Page page, page_for(picture, recipe.encode()));
  const int picture_width = picture.width, picture_height = picture.height;
  FM_ASSIGN(FfmpegPipe ffmpeg,
            FfmpegPipe::start({page.width, page.height, recipe.encode().fps()}, directory.path() / name));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i > 0) {
      FM_ASSIGN(picture, read_frame(request, *inputs[i]));
    }
    if (picture.width != picture_width || picture.height != picture_height)
      return base::Error{"media.size",
                         fmt::format("frame {} of {} is {} x {}; the first one is {} x {}", inputs[i]->frame(),
                                     inputs[i]->shot(), picture.width, picture.height, picture_width, picture_height),
                         "", ""};
    Canvas canvas(page.width, page.height, kStrip);
    canvas.place(picture, 0, 0, page.picture_width, page.picture_height);
    if (page.strip_height > 0) FM_TRY(draw_strip(canvas, page, recipe, *inputs[i]));
    FM_TRY(ffmpeg.write(canvas.rgb_bytes()));
    progress(i + 1, inputs.size());
  }
  FM_TRY(ffmpeg.finish());
  FM_TRY(directory.adopt(name));
  return directory.sync();
}

}  // namespace framemill::media
