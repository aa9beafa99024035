// Where the HTTP API finds previews (docs/previews.md): files below `.framemill/previews/<job>` of roots that this host
// has. A narrow port that the daemon implements. Calls return at once; the reply comes at most once, on any thread: where
// storage hangs it may never come.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/frame_range.h"
#include "scheduler/http/farm_port.h"

namespace framemill::scheduler {

// Pictures of the frames that one attempt published together, side by side in one file.
struct PreviewStrip {
  std::string root, name;
  std::uint32_t phase = 0, task = 0;  // the first of the tasks
  AttemptId attempt;
  int tile_width = 0, tile_height = 0, columns = 0;  // pixels; tiles in a row
  jobs::FrameSet frames;                             // in the order of the tiles
};

// What the name says (worker/media/previews.h), without a root. Nothing: it is no strip's name.
std::optional<PreviewStrip> read_strip_name(std::string_view name);
// Whether this may be a preview's name: of a frame ("<sha256>.jpg") or a strip.
bool is_preview_name(std::string_view name);

struct PreviewFile {
  std::string bytes;  // JPEG
  std::string tag;    // differs where the bytes may; visible ASCII
  base::WallTime made;
};

class PreviewPort {
 public:
  static constexpr std::size_t kFileBytesMax = 16 << 20;
  static constexpr std::size_t kStripsMax = 20'000;  // of one job; the first ones

  virtual ~PreviewPort() = default;
  // Of those roots, the ones that can be looked into. Any thread.
  virtual std::set<std::string> served(const std::set<std::string>& roots) const = 0;
  // In the order of phases and tasks, one for each task: the newest attempt's. Errors: farm.busy.
  virtual void list(JobId job, const std::set<std::string>& roots, Reply<std::vector<PreviewStrip>> reply) = 0;
  // Errors: preview.unknown, farm.busy.
  virtual void read(JobId job, const std::string& root, const std::string& name, Reply<PreviewFile> reply) = 0;
  // The job's newest frame; nothing: there is none. Errors: farm.busy.
  virtual void latest(JobId job, const std::set<std::string>& roots, Reply<std::optional<PreviewFile>> reply) = 0;
};

}  // namespace framemill::scheduler
