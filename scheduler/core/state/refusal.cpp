#include "scheduler/core/state/refusal.h"

namespace framemill::scheduler {
namespace {

constexpr base::Names<Refusal, 37> kRefusals{
    {"farm.busy",          "farm.stopping",         "farm.too_many_jobs",  "farm.too_many_streams",
     "job.final",          "job.frame_unknown",     "job.hold_is_over",    "job.layer_unknown",
     "job.too_many_holds", "job.unknown",           "job.variant_unknown", "limit.unknown",
     "remake.name_taken",  "remake.needs_frames",   "remake.no_record",    "remake.not_published",
     "remake.nothing",     "remake.of_remake",      "remake.running",      "remake.too_many",
     "remake.under_way",   "retry.needs_cancelled", "retry.nothing",       "retry.published",
     "share.unknown",      "spec.no_plan",          "spec.out_of_range",   "spec.root_read_only",
     "spec.unknown_job",   "spec.unknown_limit",    "spec.version_taken",  "store.read_only",
     "submit.key_reused",  "user.too_many_jobs",    "worker.ambiguous",    "worker.revoked",
     "worker.unknown"}};

}  // namespace

std::string_view text_of(Refusal refusal) {
  return kRefusals.of(refusal);
}

std::optional<Refusal> refusal_from_code(std::string_view code) {
  return kRefusals.find(code);
}

}  // namespace framemill::scheduler
