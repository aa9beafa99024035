// The components of a manifest of format 2: reading [[component]], and whether they are whole and fit together. Private
// to this room.
#pragma once

#include "config/settings.h"
#include "models/manifest.h"

namespace framemill::models {

// Reads all [[component]] of the root table; its files are in the manifest already.
void read_components(config::SettingsTable& root, Manifest& manifest);

}  // namespace framemill::models
