// Looking for files of a root that tasks wait for: every directory is read once for all of them. A file is there when it
// is a regular file that has stopped growing: untouched for a minute, or of equal size and time at two looks. For one
// thread, which may wait for storage.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "wire/farm.pb.h"
#include "worker/supervisor/root_directory.h"

namespace framemill::worker {

class InputScan {
 public:
  // One look at the root. An answer for each entry, in their order; entries with a frame set or a pattern that cannot be
  // read are answered as not readable.
  std::vector<wire::FilesLookedFor> look(const RootDirectory& root, const std::vector<wire::WatchedFiles>& watched);

 private:
  struct Facts {
    std::int64_t size_bytes = 0, changed_ns = 0;
    bool operator==(const Facts&) const = default;
  };
  std::map<std::string, Facts> growing_, growing_now_;  // by path: seen at the last look, at this one
  friend class InputLook;
};

}  // namespace framemill::worker
