// Looking for files of a root that tasks wait for: every directory is read once for all of them. A file is there when it
// is a regular file that has stopped growing: untouched for a minute, or of equal size and time for two seconds of looks.
// For one thread, which may wait for storage.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "wire/farm.pb.h"
#include "worker/supervisor/root_directory.h"

namespace framemill::worker {

class InputScan {
 public:
  static constexpr base::Duration kQuietFor = base::seconds(2);

  // One look at the root, at `now`. An answer for each entry, in their order; entries with a frame set or a pattern that cannot be
  // read are answered as not readable.
  std::vector<wire::FilesLookedFor> look(const RootDirectory& root, const std::vector<wire::WatchedFiles>& watched,
                                         base::Instant now);

 private:
  struct Facts {
    std::int64_t size_bytes = 0, changed_ns = 0;
    bool operator==(const Facts&) const = default;
  };
  struct Seen {
    Facts facts;
    base::Instant since{};  // the first look that saw it like that
  };
  std::map<std::string, Seen> growing_, growing_now_;  // by path: seen at the last look, at this one
  friend class InputLook;
};

}  // namespace framemill::worker
