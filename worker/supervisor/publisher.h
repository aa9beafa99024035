// Gives committed files their final names: a no-clobber hard link from the staging directory, parents made as needed,
// directories synced. Idempotent: a final name that exists with equal size and SHA-256 is success, so an order may be
// repeated, by this worker or another, after any crash. Called on an I/O thread.
//
// Files that were published before and are made again (PublishOrder.remake) take the place of what stands under their
// names: by a link where nothing does, else by one rename over it.
//
// Errors: publish.exists_other, publish.missing, publish.path, publish.intact, storage_full, storage_failed.
#pragma once

#include <sys/types.h>

#include <optional>

#include "worker/supervisor/root_directory.h"

namespace framemill::wire {
class PublishOrder;
}

namespace framemill::worker {

struct PublishSettings {
  std::optional<gid_t> group;  // of the files and of the directories made; none: the process's
};

base::Status publish(const RootDirectory& root, const wire::PublishOrder& order, const PublishSettings& settings);

}  // namespace framemill::worker
