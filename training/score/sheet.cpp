#include "training/score/sheet.h"

#include "training/score/drawing.h"

namespace framemill::score {
namespace {

constexpr int kGap = 2, kCaptionHeight = 20, kCaptionSize = 14;
constexpr Ink kGround{0.09f, 0.09f, 0.09f}, kLetters{0.86f, 0.86f, 0.86f};

}  // namespace

base::Status write_sheet(const std::filesystem::path& path, const std::vector<gpu::ImageBlock>& clips,
                         const std::vector<std::string>& captions, const SheetLayout& layout) {
  FM_CHECK(!clips.empty() && clips.front().consistent(), "a sheet of no clips");
  FM_CHECK(captions.empty() || captions.size() == clips.size(), "a caption per clip");
  const int cell_width = clips.front().width * layout.enlarge + kGap;
  const int row_height = clips.front().height * layout.enlarge + 2 * kGap + (captions.empty() ? 0 : kCaptionHeight);
  const int rows = (static_cast<int>(clips.size()) + layout.clips_per_row - 1) / layout.clips_per_row;
  const int clip_width = layout.frames_per_clip * cell_width + 2 * kGap;
  Drawing drawing(layout.clips_per_row * clip_width, rows * row_height, kGround);
  for (int i = 0; i < static_cast<int>(clips.size()); ++i) {
    const auto index = static_cast<std::size_t>(i);
    const gpu::ImageBlock& clip = clips[index];
    const int left = (i % layout.clips_per_row) * clip_width, top = (i / layout.clips_per_row) * row_height;
    for (int k = 0; k < layout.frames_per_clip; ++k) {
      const int frame = layout.frames_per_clip == 1 ? 0 : k * (clip.frames - 1) / (layout.frames_per_clip - 1);
      drawing.paste(clip, frame, left + k * cell_width, top, layout.enlarge);
    }
    if (!captions.empty())
      FM_TRY(drawing.text(left + kGap, top + row_height - 2 * kGap - 3, kCaptionSize, kLetters, captions[index],
                          clip_width - 4 * kGap));
  }
  return drawing.write_png(path);
}

}  // namespace framemill::score
