#include "scheduler/core/state/effects.h"

#include <iterator>
#include <utility>

namespace framemill::scheduler {
namespace {

template <class T>
void move_behind(std::vector<T>& to, std::vector<T>& from) {
  if (to.empty())
    to = std::move(from);
  else
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void Deferred::append(Deferred later) {
  move_behind(revokes, later.revokes);
  move_behind(publishes, later.publishes);
  move_behind(manifests, later.manifests);
  move_behind(discards, later.discards);
  move_behind(acknowledgements, later.acknowledgements);
  move_behind(answers, later.answers);
  move_behind(happened, later.happened);
}

}  // namespace framemill::scheduler
