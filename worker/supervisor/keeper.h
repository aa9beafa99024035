// The keeper: a small process between the worker and a command (or the media program), so that whatever the command
// starts ends with it. It adopts its descendants (PR_SET_CHILD_SUBREAPER), also those that left the process group; when
// the command ends, when it gets SIGTERM, or when the worker dies (its parent-death signal is SIGTERM, which unlike a
// SIGKILL it can act upon) it kills all of them, and passes on how the command ended. The worker's own program plays
// the keeper when its first argument is kKeeperArgument. The keeper itself is not confined; the command is, as descriptor
// 4 says (confinement.h), if the argument is kConfinedKeeperArgument. kLaunchArgument executes a confined program that
// needs no keeper in place of this one: an executor.
#pragma once

#include <string_view>

namespace framemill::worker {

inline constexpr std::string_view kKeeperArgument = "--keep";
inline constexpr std::string_view kConfinedKeeperArgument = "--keep-confined";
inline constexpr std::string_view kLaunchArgument = "--launch-confined";

// The keeper's descriptor 3, a pipe to the worker: if the command could not be started, the errno as an int.
inline constexpr int kStartErrorDescriptor = 3;
inline constexpr int kConfinementFailed = -1;  // in place of an errno; its standard error says what failed

// Whether the arguments ask for one of the above.
bool is_keeper_call(int argc, char** argv);
// framemill-worker --keep PROGRAM ARGUMENT...  Returns the exit status, or dies by the command's signal.
int keeper_main(int argc, char** argv);

}  // namespace framemill::worker
