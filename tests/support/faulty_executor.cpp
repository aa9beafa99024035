// The executor with a model that misbehaves on purpose (fake_engine.h), on the real pipe: what crashes, hangs and bad
// output look like to a worker. The shipped program has no such switches.
#include "tests/support/fake_engine.h"
#include "worker/executor/executor.h"

int main() {
  framemill::tests::FakeEngine engine;
  return framemill::worker::run_executor(3, engine);
}
