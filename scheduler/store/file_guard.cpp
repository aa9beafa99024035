#include "scheduler/store/file_guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/log.h"
#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

base::Error file_error(const std::filesystem::path& path, const char* doing) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return {std::string(text_of(full ? StoreError::DiskFull : StoreError::File)),
          fmt::format("{} {}: {}", doing, path.string(), std::strerror(errno)), "", ""};
}

struct NetworkMagic {
  std::int64_t magic;
  const char* name;
};
// Numbers that <linux/magic.h> lacks are from statfs(2) and the kernel's fs/ directory.
constexpr std::array kNetwork{
    NetworkMagic{NFS_SUPER_MAGIC, "NFS"},   NetworkMagic{SMB_SUPER_MAGIC, "SMB"}, NetworkMagic{0xff534d42, "CIFS"},
    NetworkMagic{0xfe534d42, "SMB 2"},      NetworkMagic{V9FS_MAGIC, "9p"},       NetworkMagic{0x65735546, "FUSE"},
    NetworkMagic{0x00c36400, "Ceph"},       NetworkMagic{AFS_SUPER_MAGIC, "AFS"}, NetworkMagic{0x6b414653, "AFS"},
    NetworkMagic{CODA_SUPER_MAGIC, "Coda"}, NetworkMagic{NCP_SUPER_MAGIC, "NCP"}, NetworkMagic{0x7461636f, "OCFS2"},
    NetworkMagic{0x01161970, "GFS2"},       NetworkMagic{0x0bd00bd0, "Lustre"},   NetworkMagic{0x19830326, "BeeGFS"},
    NetworkMagic{0x47504653, "GPFS"}};

// Two slots, so that a torn write leaves the other one whole.
constexpr std::size_t kSlotBytes = 512;

std::string slot_text(const Mark::Value& value) {
  const std::string body = fmt::format("framemill-mark 1 {} {} ", value.sequence, value.chain.hex());
  std::string slot = body + base::sha256(body).hex() + "\n";
  slot.resize(kSlotBytes, '\n');
  return slot;
}

std::optional<Mark::Value> parse_slot(std::string_view slot) {
  constexpr std::string_view kHead = "framemill-mark 1 ";
  const std::string_view line = slot.substr(0, slot.find('\n'));
  if (!line.starts_with(kHead) || line.size() < kHead.size() + 1 + 1 + 64 + 1 + 64) return std::nullopt;
  const std::string_view body = line.substr(0, line.size() - 64);
  if (base::sha256(body).hex() != line.substr(line.size() - 64)) return std::nullopt;
  Mark::Value value;
  const char* const number = body.data() + kHead.size();
  const auto [end, fault] = std::from_chars(number, body.data() + body.size(), value.sequence);
  const auto chain = base::Sha256::from_hex(body.substr(body.size() - 65, 64));
  if (fault != std::errc() || *end != ' ' || !chain) return std::nullopt;
  value.chain = *chain;
  return value;
}

}  // namespace

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

std::filesystem::path beside(const std::filesystem::path& database, std::string_view suffix) {
  return std::filesystem::path(database).concat(suffix);
}

bool is_network_file_system(std::int64_t magic) {
  for (const NetworkMagic& row : kNetwork)
    if (row.magic == (magic & 0xffffffff)) return true;
  return false;
}

base::Status require_local_file_system(const std::filesystem::path& directory) {
  struct statfs facts{};
  if (::statfs(directory.c_str(), &facts) != 0) return file_error(directory, "look at the file system of");
  const auto magic = static_cast<std::int64_t>(facts.f_type) & 0xffffffff;
  for (const NetworkMagic& row : kNetwork)
    if (row.magic == magic)
      return base::error_of(
          StoreError::NetworkFileSystem,
          fmt::format("{} lies on {}, where locks and fsync cannot be relied on", directory.string(), row.name), "",
          "put data_directory on a local disk (ext4, xfs)");
  return {};
}

base::Result<Descriptor> lock_store(const std::filesystem::path& database) {
  const std::filesystem::path path = beside(database, ".lock");
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return file_error(path, "open");
  FM_TRY(give_to_directory_owner(path));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return file_error(path, "lock");
  return base::error_of(StoreError::InUse, fmt::format("{} is in use by another process", database.string()), "",
                        "stop the scheduler that runs on it");
}

Ballast::Ballast(const std::filesystem::path& database, std::uint64_t size_bytes)
    : path_(beside(database, ".ballast")), size_bytes_(size_bytes) {}

bool Ballast::restore(Room room) {
  if (in_place_ || size_bytes_ == 0) return true;
  std::error_code fault_of_space;
  const auto space = std::filesystem::space(path_.parent_path(), fault_of_space);
  if (room == Room::Refill && (fault_of_space || space.available < 2 * size_bytes_)) return false;
  const Descriptor file(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return false;
  const int fault = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size_bytes_));
  if (fault == 0) {
    in_place_ = true;
  } else {
    ::unlink(path_.c_str());  // half a ballast would only take the room that commits need
    if (fault != ENOSPC && fault != EDQUOT)
      base::log_warning("store", "reserve {} bytes in {}: {}", size_bytes_, path_.string(), std::strerror(fault));
  }
  return in_place_;
}

void Ballast::release() {
  ::unlink(path_.c_str());
  in_place_ = false;
}

base::Result<Mark> Mark::open(const std::filesystem::path& database) {
  const std::filesystem::path path = beside(database, ".mark");
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return file_error(path, "open");
  return Mark(std::move(file));
}

base::Result<std::optional<Mark::Value>> Mark::read(const std::filesystem::path& database) {
  const std::filesystem::path path = beside(database, ".mark");
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::optional<Value>();
  if (!file) return file_error(path, "open");
  std::string text(2 * kSlotBytes, '\0');
  const ssize_t size = ::pread(file.get(), text.data(), text.size(), 0);
  if (size < 0) return file_error(path, "read");
  text.resize(static_cast<std::size_t>(size));
  std::optional<Value> newest;
  for (std::size_t at = 0; at + kSlotBytes <= text.size(); at += kSlotBytes)
    if (const auto value = parse_slot(std::string_view(text).substr(at, kSlotBytes));
        value && (!newest || value->sequence > newest->sequence))
      newest = value;
  return newest;
}

base::Status Mark::clear(const std::filesystem::path& database) {
  const std::filesystem::path path = beside(database, ".mark");
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::fsync(file.get()) != 0) return file_error(path, "empty");
  return give_to_directory_owner(path);
}

base::Status Mark::write(const Value& value) {
  const std::string slot = slot_text(value);
  const auto offset = static_cast<off_t>((value.sequence % 2) * kSlotBytes);
  if (::pwrite(file_.get(), slot.data(), slot.size(), offset) != static_cast<ssize_t>(slot.size()))
    return file_error("the mark", "write");
  return {};
}

base::Status Mark::sync() {
  return ::fdatasync(file_.get()) == 0 ? base::Status{} : file_error("the mark", "sync");
}

base::Status give_to_directory_owner(const std::filesystem::path& file) {
  if (::geteuid() != 0) return {};
  const std::filesystem::path directory = file.parent_path().empty() ? "." : file.parent_path();
  struct stat owner{};
  if (::stat(directory.c_str(), &owner) != 0) return file_error(directory, "look at");
  if (owner.st_uid == 0 || ::chown(file.c_str(), owner.st_uid, owner.st_gid) == 0) return {};
  return file_error(file, "give its owner back to");
}

}  // namespace framemill::scheduler::store
