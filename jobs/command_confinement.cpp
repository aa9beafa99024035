#include "jobs/command_confinement.h"

#include "base/error_code.h"

namespace framemill::jobs {
namespace {

constexpr base::Names<CommandConfinement, 5> kNames{{"unknown", "off", "enforced", "incomplete", "refused"}};

}  // namespace

std::string_view name(CommandConfinement confinement) {
  return kNames.of(confinement);
}

std::optional<CommandConfinement> command_confinement_from_name(std::string_view text) {
  return kNames.find(text);
}

}  // namespace framemill::jobs
