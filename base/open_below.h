// Opening paths below named directory trees (roots). Symbolic links are followed wherever they lead inside one of the
// trees - to a sibling, from tree to tree, by an absolute path - and refused where they lead out of all of them. Every
// component is opened relative to the directory before it, so that nobody can swap one for a way out meanwhile.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace framemill::base {

using RootPaths = std::map<std::string, std::filesystem::path>;  // absolute

inline constexpr int kLinksMax = 40;  // followed on one way, as the kernel does

// The open descriptor of `path` below roots[root], or minus the error number: EXDEV for a link (or "..") that leads out
// of every root, ELOOP for more than kLinksMax links, EINVAL for a socket or a device, ENOENT also for an unknown root. `flags`: of open(2); O_CLOEXEC is
// added, and nothing is ever created. `path`: relative; empty opens the root itself. May wait for storage.
int open_below(const RootPaths& roots, const std::string& root, std::string_view path, int flags);

}  // namespace framemill::base
