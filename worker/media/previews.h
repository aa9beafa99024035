// Small pictures of published frames for pages that people watch (docs/previews.md), below `.framemill/previews/<job>` of
// the frames' root: one of each frame, named by the frame's digest; a strip of all frames that were published together,
// whose name says what is in it; and the job's newest one as latest.jpg. JPEG, sRGB, at most kPreviewWidth wide.
//
// Nothing here is durable or on record: what is missing is missing, and a file that is there already is left as it is. For
// a process of its own, which may write nothing else.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "wire/farm.pb.h"
#include "worker/frames/picture.h"
#include "worker/frames/root_file.h"

namespace framemill::media {

inline constexpr int kPreviewWidth = 256;
inline constexpr int kStripColumns = 16;

struct PreviewTask {
  const wire::PublishOrder& order;  // its frames are read by their final names
  const frames::Roots& roots;
  std::optional<gid_t> group;  // of what is written; none: the process's
};

// The number of frames of which there is a picture now: a frame that cannot be read has none. Errors: input.path (an
// unknown root), media.preview (the previews' directory cannot be written).
base::Result<std::size_t> make_previews(const PreviewTask& task);

// The picture in at most kPreviewWidth x kPreviewWidth pixels, never enlarged: averaged in the space that it is in,
// then sRGB in 0..1. Samples that are not finite are black.
frames::Picture preview_of(const frames::Picture& picture);

// "strip_2_17_3-00f1e2d3c4b5a697-17_256x144x16_1001-1016.jpg": phase, first task, attempt, width and height of a tile,
// columns, frames in the order of the tiles, row by row.
std::string strip_name(const wire::PublishOrder& order, const frames::Picture& tile, int columns,
                       const std::string& frames);

// Serves the socket at descriptor 3 (wire/preview_packets.h) at the lowest priority, until the other end closes. Returns
// the exit status.
int serve_previews(const frames::Roots& roots, std::optional<gid_t> group);

}  // namespace framemill::media
