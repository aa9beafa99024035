// Draws a contact sheet (monitoring/sheet_layout.h) from frame files. A frame that is promised but cannot be read is
// drawn as missing: a sheet is for seeing what is there.
#pragma once

#include "base/result.h"
#include "monitoring/sheet_layout.h"
#include "worker/media/request.h"

namespace framemill::media {

// The sheet's content as the recipe tells it: rows, and of their frames those that are among the inputs.
base::Result<monitoring::SheetContent> sheet_content(const wire::Grant& grant);

// Writes `<staging>/<task>/<name>` (PNG) durably. Errors: media.*, frames.encode, storage_full.
base::Status draw_sheet(const Request& request, const Progress& progress);

}  // namespace framemill::media
