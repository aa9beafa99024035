#include "worker/supervisor/child_access.h"

#include <fmt/format.h>

#include "worker/supervisor/staging.h"

namespace framemill::worker {
namespace {

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// What the farm keeps in a root: other attempts' files.
std::string farm_directory(const RootDirectory& root) {
  return (root.path() / kFarmDirectory).string();
}

std::optional<Confinement> start_plan(const AccessPolicy& policy) {
  if (policy.mode == ConfinementMode::Off) return std::nullopt;
  Confinement plan;
  plan.landlock = policy.support.landlock_abi > 0;
  plan.access.level = policy.support.landlock_abi;
  plan.access.hidden = policy.hidden;
  append(plan.access.hidden, system_secrets());
  return plan;
}

// The farm's own programs run nobody's code; where they are installed, and what they are linked to, is not known here.
void read_everything_but_secrets(Confinement& plan, const AccessPolicy& policy, const RootTable& roots) {
  plan.access.read = {"/"};
  append(plan.access.read, policy.programs);
  append(plan.access.read, policy.models);
  for (const auto& [name, root] : roots) plan.access.read.push_back(root->path().string());
}

}  // namespace

jobs::CommandConfinement command_confinement(const AccessPolicy& policy) {
  using jobs::CommandConfinement;
  if (policy.mode == ConfinementMode::Off) return CommandConfinement::Off;
  if (can_confine(policy.support, policy.user.has_value())) return CommandConfinement::Enforced;
  return policy.mode == ConfinementMode::Required ? CommandConfinement::Refused : CommandConfinement::Incomplete;
}

bool refuses_commands(const AccessPolicy& policy) {
  return command_confinement(policy) == jobs::CommandConfinement::Refused;
}

std::string describe(const AccessPolicy& policy) {
  return policy.mode == ConfinementMode::Off ? "" : describe(policy.support, policy.user ? policy.user->name : "");
}

std::optional<Confinement> command_confinement(const AccessPolicy& policy, const RootTable& roots,
                                               const Tree& staging) {
  auto plan = start_plan(policy);
  if (!plan) return plan;
  plan->mount_view = policy.support.mount_view;
  plan->user = policy.user;
  plan->access.read = system_trees();
  append(plan->access.read, policy.programs);
  append(plan->access.read, policy.read);
  for (const auto& [name, root] : roots) {
    plan->access.read.push_back(root->path().string());
    plan->access.hidden.push_back(farm_directory(*root));
  }
  plan->access.write = {staging};
  for (const std::string& path : policy.write) plan->access.write.push_back({path});
  return plan;
}

std::optional<Confinement> media_confinement(const AccessPolicy& policy, const RootTable& roots, const Tree& staging) {
  auto plan = start_plan(policy);
  if (!plan) return plan;
  plan->mount_view = policy.support.mount_view;
  read_everything_but_secrets(*plan, policy, roots);
  for (const auto& [name, root] : roots) plan->access.hidden.push_back(farm_directory(*root));
  plan->access.write = {staging};
  return plan;
}

std::optional<Confinement> preview_confinement(const AccessPolicy& policy, const RootTable& roots,
                                               const std::vector<Tree>& previews) {
  auto plan = start_plan(policy);
  if (!plan) return plan;
  plan->mount_view = policy.support.mount_view;
  read_everything_but_secrets(*plan, policy, roots);
  for (const auto& [name, root] : roots) plan->access.hidden.push_back(farm_directory(*root));
  plan->access.write = previews;
  return plan;
}

std::optional<Confinement> executor_confinement(const AccessPolicy& policy, const RootTable& roots,
                                                const std::vector<Tree>& attempts) {
  auto plan = start_plan(policy);
  if (!plan) return plan;
  read_everything_but_secrets(*plan, policy, roots);
  plan->access.write = attempts;
  return plan;
}

}  // namespace framemill::worker
