// What framemill-media is asked for a contact sheet of a job: the same request that a worker gives it for a sheet
// layer, made from the scheduler's plan and list of files. Pure; any thread.
//
// Errors: http.bad_reply, sheet.nothing, sheet.format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/json_reader.h"
#include "cli/views.h"

namespace framemill::cli {

inline constexpr const char* kSheetFileName = "sheet.png";  // media writes STAGING/0/sheet.png

struct SheetWish {
  std::int64_t every = 8;   // every n-th frame of a shot
  std::int64_t tile = 192;  // least width of a tile in pixels
  std::string show;
  std::string layer;  // this layer alone; empty: all that make frames
};

// The serialised request. Frames that the plan promises and `frames` does not have as published become marked tiles.
base::Result<std::string> sheet_request(const json::value& plan, const std::vector<FrameView>& frames,
                                        const SheetWish& wish);

}  // namespace framemill::cli
