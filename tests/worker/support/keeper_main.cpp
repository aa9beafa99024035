// The keeper as a program of its own; in the worker it is an argument of the daemon.
#include "worker/supervisor/keeper.h"

int main(int argc, char** argv) {
  return framemill::worker::keeper_main(argc, argv);
}
