#include "worker/media/movie.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>
#include <thread>

#include "base/log.h"
#include "jobs/frame_rate.h"
#include "worker/frames/plate.h"
#include "worker/frames/staged_file.h"
#include "worker/media/ffmpeg_pipe.h"
#include "worker/media/movie_page.h"

namespace framemill::media {
namespace {

constexpr std::size_t kPagesAheadMax = 16;  // painted before the encoder wants them: at most 16 x 200 MB

constexpr std::size_t kPlatesAskedForRate = 8;

using Inputs = std::vector<const wire::InputFile*>;

// The rate that the first pictures say they were shot at; few tools write it, and all plates of a shot have the same.
base::Result<jobs::FrameRate> rate_of_plates(const Request& request, const Inputs& inputs) {
  for (std::size_t i = 0; i < std::min(inputs.size(), kPlatesAskedForRate); ++i) {
    FM_ASSIGN(const frames::Plate plate, frames::read_plate(request.roots, *inputs[i]));
    if (plate.rate) return *plate.rate;
  }
  base::log_warning("media", "no frame rate was given and the pictures have none; using 24 frames per second");
  return jobs::FrameRate{};
}

base::Result<jobs::FrameRate> movie_rate(const Request& request, const Inputs& inputs) {
  const wire::EncodeRecipe& recipe = request.grant.recipe().encode();
  if (recipe.fps_from_inputs()) return rate_of_plates(request, inputs);
  // A scheduler of the version before knows no fractions.
  if (recipe.fps_num() == 0 || recipe.fps_den() == 0) return jobs::FrameRate::from_number(recipe.fps());
  return jobs::FrameRate::parse(fmt::format("{}/{}", recipe.fps_num(), recipe.fps_den()));
}

// Pages in order, painted ahead of the encoder on the CPUs of this process.
class PageQueue {
 public:
  // `size`: of the first input.
  PageQueue(const Request& request, const MoviePage& page, const Inputs& inputs, frames::ExpectedSize size)
      : request_(request), page_(page), inputs_(inputs), size_(size),
        ahead_(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, kPagesAheadMax)) {}

  base::Result<std::string> next() {
    while (begun_ < inputs_.size() && pages_.size() < ahead_)
      pages_.push_back(std::async(std::launch::async, [this, input = inputs_[begun_++]] { return paint(*input); }));
    auto page = std::move(pages_.front());
    pages_.pop_front();
    return page.get();
  }

 private:
  base::Result<std::string> paint(const wire::InputFile& input) const {
    FM_ASSIGN(const frames::Plate plate, frames::read_plate(request_.roots, input));
    FM_TRY(frames::check_plate_size(plate.picture, input, size_, *inputs_.front()));
    return page_.paint(plate.picture, input);
  }

  const Request& request_;
  const MoviePage& page_;
  const Inputs& inputs_;
  const frames::ExpectedSize size_;
  const std::size_t ahead_;
  std::size_t begun_ = 0;
  std::deque<std::future<base::Result<std::string>>> pages_;
};

}  // namespace

base::Status encode_movie(const Request& request, const Progress& progress) {
  const wire::Recipe& recipe = request.grant.recipe();
  if (!recipe.has_encode()) return base::Error{"media.request", "the request is not to encode", "", ""};
  if (recipe.encode().codec() != "h264")
    return base::Error{"media.codec", fmt::format("codec '{}' is not known; h264 is", recipe.encode().codec()), "", ""};
  Inputs inputs;
  for (const wire::InputFile& input : request.grant.inputs())
    if (input.role() == wire::InputFile::FRAME) inputs.push_back(&input);
  if (inputs.empty()) return base::Error{"media.empty", "there are no frames to encode", "", ""};
  FM_ASSIGN(const std::string name, frames::file_name_of(recipe.output_printf()));
  FM_ASSIGN(auto directory, frames::StagedDirectory::make(request.staging, request.grant.tasks().first()));

  FM_ASSIGN(const frames::Plate plate, frames::read_plate(request.roots, *inputs.front()));
  const frames::ExpectedSize size{plate.picture.width, plate.picture.height};
  FM_TRY(directory.enter());  // ffmpeg writes by this handle, whatever becomes of the names that lead here
  const wire::EncodeRecipe& encode = recipe.encode();
  FM_ASSIGN(const MoviePage page,
            MoviePage::plan(size.width, size.height, recipe,
                            {encode.scale(), {encode.burn_in().begin(), encode.burn_in().end()}}));
  FM_ASSIGN(const jobs::FrameRate rate, movie_rate(request, inputs));
  FM_ASSIGN(FfmpegPipe ffmpeg,
            FfmpegPipe::start({page.width(), page.height(), rate}, std::filesystem::path(".") / name));
  PageQueue pages(request, page, inputs, size);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    FM_ASSIGN(const std::string rgb, pages.next());
    FM_TRY(ffmpeg.write(rgb));
    progress(i + 1, inputs.size());
  }
  FM_TRY(ffmpeg.finish());
  FM_TRY(directory.adopt(name));
  return directory.sync();
}

}  // namespace framemill::media
