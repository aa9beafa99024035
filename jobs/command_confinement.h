// How a host confines the programs that jobs name (docs/worker-toml.md, [confinement]): a worker reports it, the scheduler
// explains by it why no command is placed there, and `framemill doctor` judges it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace framemill::jobs {

enum class CommandConfinement : std::uint8_t {
  Unknown,  // a worker of an earlier version
  Off,      // commands run unconfined, as the configuration says
  Enforced,
  Incomplete,  // as far as the kernel can
  Refused      // required, and not possible: no command is run
};

std::string_view name(CommandConfinement confinement);  // "enforced"
std::optional<CommandConfinement> command_confinement_from_name(std::string_view name);

}  // namespace framemill::jobs
