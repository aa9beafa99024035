// Whose fault an errno is. A host that lacks descriptors, processes or memory, and storage that fails, say nothing
// about the work that met them: such errors get codes of their own, wherever they show. Pure.
//
//   host.descriptors  EMFILE, ENFILE        host.processes  EAGAIN of fork or of a thread   host.memory  ENOMEM
//   storage_full      ENOSPC, EDQUOT        storage_failed  EIO, ESTALE, EROFS, a server that is gone, ...
//   host.installation  no errno: a program of ours that cannot be executed, or cannot confine its children
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error_code.h"
#include "base/result.h"

namespace framemill::base {

enum class SystemError : std::uint8_t { Descriptors, Processes, Memory, Installation, StorageFull, StorageFailed };
std::string_view text_of(SystemError error);
std::optional<SystemError> system_error_from_code(std::string_view code);

// "host.descriptors" or "host.memory"; empty: the errno is not the host's condition. EAGAIN is one only where a process
// or thread was to be made: see process_code.
std::string_view host_code(int error_number);
// The same, with "host.processes" for EAGAIN.
std::string_view process_code(int error_number);
// "storage_full" or "storage_failed"; empty: the errno speaks of the path that was asked for (ENOENT, EISDIR, ...).
std::string_view storage_code(int error_number);

// Whether the code (of Error, of an attempt's end) is one of the above.
bool is_host_code(std::string_view code);
bool is_storage_code(std::string_view code);
// Whether it is any of them: nothing that is to be held against the work.
bool is_of_system(const Error& error);

// host_code, else storage_code, else `otherwise`; the message is "<what>: <strerror>".
Error os_error(int error_number, std::string_view otherwise, std::string_view what);

// The error, with the root whose storage it speaks of as its field ("roots.plates"); other errors are left as they are.
Error in_root(Error error, std::string_view root);
// The root's name; empty: the error names none.
std::string root_of(const Error& error);

}  // namespace framemill::base
