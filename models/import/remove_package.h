// Takes a package off this host.
#pragma once

#include "base/result.h"
#include "models/package.h"

namespace framemill::models {

enum class OtherFiles { Refused, Removed };

// Removes the package's directory; what its links point to stays. Its name is gone at once, its files after that, so that
// nobody opens half of it. Errors: model.other_files (files that its manifest does not name, with the first of them),
// file.*.
base::Status remove_package(const Package& package, OtherFiles others);

}  // namespace framemill::models
