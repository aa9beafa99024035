// Searches in what is on record, on their way through the store: only so many at once, so that what people ask for
// leaves the store's thread to the scheduler's commits; some more wait, the rest is refused. No search comes to the
// core's loop. Any thread may call; a search starts on the caller's thread, or on the one that ended another.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace framemill::scheduler {

class SearchQueue {
 public:
  struct Limits {
    std::size_t running_max = 4, waiting_max = 512;
  };
  using Answer = std::function<void()>;
  using Done = std::function<void(Answer)>;  // once, on any thread: calls the answer, and lets the next search begin
  using Search = std::function<void(Done)>;  // goes on by itself

  SearchQueue() : SearchQueue(Limits()) {}
  explicit SearchQueue(Limits limits);
  ~SearchQueue();  // closes it
  SearchQueue(const SearchQueue&) = delete;
  SearchQueue& operator=(const SearchQueue&) = delete;

  [[nodiscard]] bool add(Search search);  // false: too many wait already
  // From its return on no search begins and no answer is called. Not from within an answer.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace framemill::scheduler
