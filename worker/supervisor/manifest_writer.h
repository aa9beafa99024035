// manifest.json beside the frames of a layer: every file with its digests, model and seed (docs/digests.md). It is made
// of the publish orders that were carried out, each kept as a small file when its files have their final names
// (`.framemill/manifests/<job>/<phase>/<task>`), so that no message ever holds a whole manifest. A manifest speaks
// about frames and is none: a retry that published more replaces it, whole, by one rename. What is not this job's
// manifest is never touched; beside it the name is manifest.job<N>.json. Called on I/O threads; holds no state.
//
// Errors: manifest.incomplete (a kept order is not visible yet: try again), publish.exists_other, publish.path,
// storage_full, storage_failed, path.*.
#pragma once

#include "worker/supervisor/publisher.h"

namespace framemill::wire {
class ManifestOrder;
}

namespace framemill::worker {

// Durably; after publish() of the same order.
base::Status keep_on_record(const RootDirectory& root, const wire::PublishOrder& order);
base::Status write_manifest(const RootDirectory& root, const wire::ManifestOrder& order,
                            const PublishSettings& settings);

// After publish() of a remake: where the first job's manifest, or an order that is kept for it, tells other digests
// than the files have now, these take their place. A manifest that is not there, or is not that job's, stays as it is.
base::Status amend_manifest(const RootDirectory& root, const wire::PublishOrder& order,
                            const PublishSettings& settings);

}  // namespace framemill::worker
