#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

constexpr base::Names<StoreError, 14> kStoreErrors{
    {"store.busy", "store.corrupt", "store.disk_full", "store.epoch_lost", "store.file", "store.history_lost",
     "store.in_use", "store.invariant", "store.io", "store.network_file_system", "store.newer_schema",
     "store.not_a_store", "store.range", "store.stopped"}};

}  // namespace

std::string_view text_of(StoreError error) {
  return kStoreErrors.of(error);
}

}  // namespace framemill::scheduler::store
