#include "worker/frames/frame_facts.h"

#include <algorithm>
#include <vector>

#include "worker/frames/open_frame.h"
#include "worker/frames/png_chunks.h"

namespace framemill::frames {

base::Result<FrameFacts> frame_facts(const std::string& file_bytes) try {
  FM_ASSIGN(const auto frame, OpenFrame::open(file_bytes));
  FrameFacts facts;
  const std::vector<FramePart> parts = frame->part_names();
  std::size_t shown = 0;
  if (const auto chosen = choose_channels(parts); chosen.ok()) {
    facts.has_picture = true;
    facts.is_grey = chosen->is_grey();
    shown = static_cast<std::size_t>(chosen->part);
  }
  facts.width = frame->parts()[shown].full_width;
  facts.height = frame->parts()[shown].full_height;
  for (const FramePart& part : parts) {
    if (!facts.channels.empty()) facts.channels += "; ";
    for (std::size_t c = 0; c < part.channels.size(); ++c) facts.channels += (c == 0 ? "" : " ") + part.channels[c];
  }
  return facts;
} catch (const std::exception& error) {
  return unreadable_frame(error.what());
}

base::Status check_frame_is_whole(const std::string& file_bytes) try {
  FM_ASSIGN(const auto frame, OpenFrame::open(file_bytes));
  if (!frame->is_exr()) return check_png_is_whole(file_bytes);
  for (std::size_t part = 0; part < frame->parts().size(); ++part)
    if (!frame->parts()[part].deep) FM_TRY(frame->read_last_rows(static_cast<int>(part)));
  return {};
} catch (const std::exception& error) {
  return unreadable_frame(error.what());
}

}  // namespace framemill::frames
