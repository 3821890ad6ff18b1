#include "client/storage/local.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "client/storage/path.h"
#include "protocol/base/file.h"

namespace rdev::storage {
namespace {

constexpr std::size_t kMaxOf = 4096;

Result<std::string> read_small(int folder, const std::string& name) {
  const base::Fd fd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  std::array<char, kMaxOf> text{};
  const ssize_t n = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (n < 0) {
    return fail_errno("cannot read " + name);
  }
  return std::string(text.data(), static_cast<std::size_t>(n));
}

Result<void> write_all(int fd, std::string_view bytes, std::uint64_t offset,
                       const std::string& where) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return fail_errno("cannot write " + where);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

std::string what_of(const Item& source) {
  return std::to_string(source.bytes) + " " + source.version + "\n";
}

std::string version_of(const struct stat& info) {
  return std::to_string(info.st_size) + "-" + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec) + "-" + std::to_string(info.st_ino);
}

}  // namespace

Result<std::shared_ptr<LocalFolder>> LocalFolder::open(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  base::Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    return fail_errno("cannot write into the folder " + path.string());
  }
  return std::shared_ptr<LocalFolder>(new LocalFolder(std::move(fd), path));
}

Result<std::shared_ptr<LocalFolder>> LocalFolder::subfolder(const std::string& name) const {
  if (!is_name(name)) {
    return fail(Code::kProtocol, "the storage has a name that no folder can have");
  }
  if (::mkdirat(fd_.get(), name.c_str(), 0777) != 0 && errno != EEXIST) {
    return fail_errno("cannot make the folder " + (path_ / name).string());
  }
  base::Fd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    return fail(Code::kExists, (path_ / name).string() + " is there, and no folder" +
                                   (errno == ELOOP || errno == ENOTDIR
                                        ? " (links are not followed below the target)"
                                        : ""));
  }
  return std::shared_ptr<LocalFolder>(new LocalFolder(std::move(fd), path_ / name));
}

std::string LocalPart::where() const { return (folder_->path() / name_).string(); }

Result<LocalPart> LocalPart::open(std::shared_ptr<LocalFolder> folder, const std::string& name,
                                  const Item& source) {
  if (!is_name(name)) {
    return fail(Code::kProtocol, "the storage has a name that no file can have");
  }
  LocalPart part(std::move(folder), name, source.bytes);
  const std::string part_name = name + std::string(kPart);
  part.fd_.reset(::openat(part.folder_->fd(), part_name.c_str(),
                          O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666));
  struct stat info{};
  if (!part.fd_ || ::fstat(part.fd_.get(), &info) != 0) {
    return fail_errno("cannot write " + part.where() + std::string(kPart));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::kExists, part.where() + std::string(kPart) + " is there, and no file");
  }
  if (::flock(part.fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kExists, part.where() + " is being copied by another rdev");
  }
  const auto of = read_small(part.folder_->fd(), part_name + "-of");
  const auto have = static_cast<std::uint64_t>(info.st_size);
  if (of && *of == what_of(source) && have <= source.bytes) {
    part.offset_ = have;
  } else if (auto started = part.start(source); !started) {
    return tl::make_unexpected(started.error());
  }
  return part;
}

// Empty before it says of what it is.
Result<void> LocalPart::start(const Item& source) {
  const std::string name = name_ + std::string(kPart) + "-of";
  if (::ftruncate(fd_.get(), 0) != 0) {
    return fail_errno("cannot empty " + where() + std::string(kPart));
  }
  (void)::unlinkat(folder_->fd(), name.c_str(), 0);
  const base::Fd fd(::openat(folder_->fd(), name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!fd) {
    return fail_errno("cannot write " + where() + std::string(kPart) + "-of");
  }
  return write_all(fd.get(), what_of(source), 0, where() + std::string(kPart) + "-of");
}

Result<void> LocalPart::append(std::string_view bytes) {
  if (bytes.size() > bytes_ - offset_) {
    return fail(Code::kProtocol, where() + ": the storage sends more than the file has");
  }
  auto written = write_all(fd_.get(), bytes, offset_, where());
  offset_ += written ? bytes.size() : 0;
  return written;
}

Result<void> LocalPart::finish() {
  if (offset_ != bytes_) {
    return fail(Code::kClosed, where() + ": the storage sent " + std::to_string(offset_) + " of " +
                                   std::to_string(bytes_) + " bytes");
  }
  const std::string part = name_ + std::string(kPart);
  if (::fsync(fd_.get()) != 0 ||
      ::renameat(folder_->fd(), part.c_str(), folder_->fd(), name_.c_str()) != 0) {
    return fail_errno("cannot write " + where());
  }
  (void)::unlinkat(folder_->fd(), (part + "-of").c_str(), 0);
  return {};
}

Result<LocalFile> open_local(const std::filesystem::path& path) {
  auto fd = std::make_shared<base::Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!*fd || ::fstat(fd->get(), &info) != 0) {
    return fail_errno("cannot read " + path.string());
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::kUsage, path.string() + " is no file");
  }
  const auto read = [fd, path](std::uint64_t offset,
                               asio::mutable_buffer buffer) -> Result<std::size_t> {
    const ssize_t n = ::pread(fd->get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (n < 0) {
      return fail_errno("cannot read " + path.string());
    }
    if (n == 0) {
      return fail(Code::kFailed, path.string() + " has become shorter while it was copied");
    }
    return static_cast<std::size_t>(n);
  };
  const std::string version = version_of(info);
  const auto check = [fd, path, version]() -> Result<void> {
    struct stat now{};
    if (::fstat(fd->get(), &now) != 0 || version_of(now) != version) {
      return fail(Code::kFailed, path.string() + " was changed while it was copied: copy it again");
    }
    return {};
  };
  return LocalFile{
      .upload = {.source = {.bytes = static_cast<std::uint64_t>(info.st_size), .read = read},
                 .version = version},
      .check_unchanged = check};
}

}  // namespace rdev::storage
