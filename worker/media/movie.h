// A movie of a layer's frames: enlarged by a whole number, with shot, version and frame in a strip below the picture.
#pragma once

#include "base/result.h"
#include "worker/media/request.h"

namespace framemill::media {

// Writes `<staging>/<task>/<name>` durably. Errors: input_not_visible and input.* (naming the frame), media.size,
// media.codec, media.ffmpeg, media.font, storage_full.
base::Status encode_movie(const Request& request, const Progress& progress);

}  // namespace framemill::media
