// Small files that the farm keeps for itself inside a root, by the descriptor of their directory: written whole or not
// at all, read up to the size of a message. Called on I/O threads; holds no state.
//
// Errors: storage_full, storage_failed, path.missing, path.link.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace framemill::worker {

enum class Durable { No, Yes };

// Under a temporary name first; with Durable::Yes the file and its directory are synced.
base::Status write_at(int directory, const std::string& name, std::string_view contents, Durable durable);
base::Status write_all(int file, std::string_view contents, const std::string& name);
// A small regular file in `directory`; an error if it is larger than a message may be.
base::Result<std::string> read_at(int directory, const std::string& name);
// The names in a directory, in no order, hidden ones left out; at most entries_max.
base::Result<std::vector<std::string>> list(int directory, std::size_t entries_max);

}  // namespace framemill::worker
